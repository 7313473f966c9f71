"""Receipts: money that landed, and everything that became of it.

A *purse* is the set of receipts that must be seen together: those of one order, or a single one without order.
Values only; the rows of money.md that move them are in allocation, refunds, reversals and settlement.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Literal

from paygw.kernel.errors import Alarm, Refused
from paygw.kernel.posting import Entry, h_bank, h_provider, held_by

Mode = Literal["routing", "custody"]


class RefundStatus(StrEnum):
    """The life of a refund; `void` (a reversal overtook it) is a flag beside `failed`."""

    REQUESTED = "requested"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    FUNDED = "funded"
    SENDING = "sending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    RETURNED = "returned"


UNSENT = frozenset({RefundStatus.APPROVED, RefundStatus.FUNDED})
LEFT = frozenset({RefundStatus.SENDING, RefundStatus.SUCCEEDED})
RefundSource = Literal["excess", "component"]
RefundRoute = Literal["provider", "transfer", "holder"]


@dataclass(frozen=True, slots=True)
class Slice:
    """The part of one order line on one receipt for one beneficiary; 0 <= disbursed <= live."""

    order_id: str
    line_no: int
    beneficiary: str
    code: str
    live_vnd: int
    disbursed_vnd: int = 0

    @property
    def undisbursed_vnd(self) -> int:
        """What still stands on P."""
        return self.live_vnd - self.disbursed_vnd


@dataclass(frozen=True, slots=True)
class Leg:
    """What a refund or reversal took from one beneficiary of one line, and what that beneficiary must give back.

    `held` marks the receipt's holder: its need is met by consent, without a posting.
    """

    line_no: int
    beneficiary: str
    code: str
    undisbursed_vnd: int
    disbursed_vnd: int
    funded_vnd: int = 0
    held: bool = False

    @property
    def need_vnd(self) -> int:
        """What is not yet given back (0 for the holder, which only agrees)."""
        return 0 if self.held else self.disbursed_vnd - self.funded_vnd


@dataclass(frozen=True, slots=True)
class Refund:
    """Money on its way back to the citizen; `due_vnd` is the part of an excess refund taken from refund_due."""

    id: str
    receipt_id: str
    source: RefundSource
    amount_vnd: int
    status: RefundStatus
    line_no: int | None = None
    due_vnd: int = 0
    legs: tuple[Leg, ...] = ()
    body_paid_vnd: int = 0
    consented: bool = False
    route: RefundRoute | None = None
    void: bool = False
    unknown: bool = False  # the bank is silent: queried, never sent again under another id
    seen: frozenset[str] = frozenset()  # grow-only: what the bank said of it (succeeded, failed, returned)

    @property
    def sendable_vnd(self) -> int:
        """What goes to the citizen through us: the amount less what the body paid itself."""
        return self.amount_vnd - self.body_paid_vnd

    @property
    def funded(self) -> bool:
        """Every need met and the holder agrees where it holds the money."""
        needs_consent = any(leg.held for leg in self.legs)
        return all(leg.need_vnd == 0 for leg in self.legs) and (self.consented or not needs_consent)


@dataclass(frozen=True, slots=True)
class Receipt:
    """One landing of cash. `key` is where it landed; `home` says whether a provider or an account holds it first."""

    id: str
    bank: str
    merchant: str
    key: str
    amount_vnd: int
    home: Literal["provider", "account"]
    account: str
    order_id: str | None
    attempt_id: str | None
    received_at: datetime
    value_date: date
    free_vnd: int
    refund_due_vnd: int = 0
    taken_back_vnd: int = 0
    taken_back_by: str = ""  # id of the reversal, dispute or correction that took it
    claim_vnd: int = 0
    dispute_vnd: int = 0
    settled: bool = False
    holder: str | None = None
    blocked: str = ""  # why this money may not be allocated by itself
    reason: str = ""  # why money of it is unapplied, for people
    conflict: bool = False
    slices: tuple[Slice, ...] = ()
    refunds: tuple[Refund, ...] = ()
    recoveries: tuple[Leg, ...] = ()  # what beneficiaries owe because the provider took the receipt back

    @property
    def frozen(self) -> bool:
        """No refund, disbursement, remittance or netting while a dispute or a conflict is open (M-15)."""
        return self.conflict or self.dispute_vnd > 0

    @property
    def wholly_taken_back(self) -> bool:
        """The provider took all of it; after a partial dispute the rest of a receipt lives on."""
        return self.taken_back_vnd == self.amount_vnd

    @property
    def unapplied_vnd(self) -> int:
        """What is the payer's: free or due for refund."""
        return self.free_vnd + self.refund_due_vnd

    @property
    def live_vnd(self) -> int:
        """What is allocated and not taken back."""
        return sum(piece.live_vnd for piece in self.slices)

    @property
    def allocatable_vnd(self) -> int:
        """What the hub itself may allocate."""
        return 0 if self.blocked or self.frozen or self.taken_back_vnd else self.free_vnd


@dataclass(frozen=True, slots=True)
class Purse:
    """The receipts of one order, or one receipt without order, oldest first."""

    receipts: tuple[Receipt, ...] = ()

    def __getitem__(self, receipt_id: str) -> Receipt:
        for receipt in self.receipts:
            if receipt.id == receipt_id:
                return receipt
        message = f"receipt {receipt_id} is not in this purse"
        raise Alarm(message)

    def put(self, changed: Receipt) -> "Purse":
        """The purse with one receipt replaced or added, oldest first."""
        others = [receipt for receipt in self.receipts if receipt.id != changed.id]
        return Purse(tuple(sorted([*others, changed], key=lambda receipt: (receipt.received_at, receipt.key))))

    @property
    def receipts_vnd(self) -> int:
        """All cash received and not taken back."""
        return sum(receipt.amount_vnd - receipt.taken_back_vnd for receipt in self.receipts)

    @property
    def unapplied_vnd(self) -> int:
        """All money that is still the payer's."""
        return sum(receipt.unapplied_vnd for receipt in self.receipts)

    def waiting_on(self, order_id: str) -> tuple[Receipt, ...]:
        """The receipts of one order that hold money the hub itself may allocate."""
        return tuple(receipt for receipt in self.receipts if receipt.order_id == order_id and receipt.allocatable_vnd)

    @property
    def refunds(self) -> tuple[Refund, ...]:
        """Every refund on these receipts."""
        return tuple(refund for receipt in self.receipts for refund in receipt.refunds)

    def line_live_vnd(self, order_id: str, line_no: int) -> dict[tuple[str, str], int]:
        """Live value of one order line by (beneficiary, code), over all receipts."""
        live: dict[tuple[str, str], int] = {}
        for receipt in self.receipts:
            for piece in receipt.slices:
                if (piece.order_id, piece.line_no) == (order_id, line_no):
                    owner = (piece.beneficiary, piece.code)
                    live[owner] = live.get(owner, 0) + piece.live_vnd
        return live


def with_refund(receipt: Receipt, refund: Refund) -> Receipt:
    """The receipt with one refund replaced in its place, or added."""
    if all(known.id != refund.id for known in receipt.refunds):
        return replace(receipt, refunds=(*receipt.refunds, refund))
    return replace(receipt, refunds=tuple(refund if known.id == refund.id else known for known in receipt.refunds))


def find_refund(receipt: Receipt, refund_id: str) -> Refund:
    """One refund of a receipt. Raises Refused when it is not there."""
    for refund in receipt.refunds:
        if refund.id == refund_id:
            return refund
    raise Refused("refund_unknown", "This refund does not belong to this receipt.")


def holding_account(receipt: Receipt, mode: Mode) -> str:
    """Where the cash of a receipt stands now: at the provider, on our account, or with its holder."""
    if not receipt.settled:
        return h_provider(receipt.bank, receipt.merchant)
    if mode == "routing":
        if receipt.holder is None:
            message = f"receipt {receipt.id} is settled in routing without a holder"
            raise Alarm(message)
        return held_by(receipt.holder)
    return h_bank(receipt.account)


def slice_entry(account: str, amount_vnd: int, receipt: Receipt, piece: Slice | Leg, order_id: str | None) -> Entry:
    """An entry that carries the dimensions of a slice."""
    return Entry(
        account,
        amount_vnd,
        receipt_id=receipt.id,
        order_id=order_id,
        line_no=piece.line_no,
        beneficiary=piece.beneficiary,
        code=piece.code,
    )
