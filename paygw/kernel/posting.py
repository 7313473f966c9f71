"""Ledger postings: balanced sets of entries under a key that is booked once for ever.

The ledger is a custody memorandum: debit accounts say who holds money, credit accounts whose it is. Ids of receipts,
refunds, batches and slices are sub-ledger columns, so the accounts are bounded in number.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from paygw.kernel.errors import Alarm

U_FREE = "U:free"
U_REFUND_DUE = "U:refund_due"
RP = "RP"
CH = "CH"
DT = "DT"
DUE_OPERATOR = "DUE:operator"
UBD = "UBD"
UNCLAIMED = "unclaimed"
TREASURY = "treasury"


def h_provider(bank: str, merchant: str) -> str:
    """Unsettled money in the hands of a provider."""
    return f"H:{bank}:{merchant}"


def h_bank(account: str) -> str:
    """Money on a bank account of the operator (custody)."""
    return f"H:bank:{account}"


def payable(beneficiary: str, code: str) -> str:
    """Undisbursed slices of a beneficiary."""
    return f"P:{beneficiary}:{code}"


def give_back(beneficiary: str, code: str) -> str:
    """What a beneficiary got and must give back."""
    return f"RB:{beneficiary}:{code}"


def held_by(holder: str) -> str:
    """Money of several owners in the hands of a holder (routing)."""
    return f"RB:{holder}:held"


def disbursement_returned(beneficiary: str, code: str) -> str:
    """A disbursement that came back."""
    return f"PRET:{beneficiary}:{code}"


def prefund(beneficiary: str) -> str:
    """What a beneficiary paid in ahead, for its refunds."""
    return f"PF:{beneficiary}"


def claim(party: str) -> str:
    """An uncovered loss, always against a named party."""
    return f"CLAIM:{party}"


def interest(account: str) -> str:
    """Interest, owned by whom the law on remittance says."""
    return f"INT:{account}"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a posting: debit above zero, credit below. `code` = chapter.sub_item.area.budget_unit."""

    account: str
    amount_vnd: int
    receipt_id: str | None = None
    refund_id: str | None = None
    batch_id: str | None = None
    order_id: str | None = None
    line_no: int | None = None
    beneficiary: str | None = None
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Posting:
    """A balanced transaction of the ledger; `rule` names the row of the money rules it comes from."""

    key: str
    rule: str
    entries: tuple[Entry, ...]
    bank: str = ""
    merchant: str = ""


def post(key: str, rule: str, entries: Iterable[Entry], *, bank: str = "", merchant: str = "") -> Posting:
    """Build a posting, dropping zero entries. Raises Alarm when it does not balance."""
    kept = tuple(entry for entry in entries if entry.amount_vnd != 0)
    total_vnd = sum(entry.amount_vnd for entry in kept)
    if total_vnd != 0:
        message = f"posting {key} is off balance by {total_vnd}"
        raise Alarm(message)
    return Posting(key=key, rule=rule, entries=kept, bank=bank, merchant=merchant)
