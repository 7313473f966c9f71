"""Lines of our own account that nobody claims (rows 21 and 21b), solved by two persons into rows of the money rules.

A debit was booked to UBD when its statement was read, so what it turns out to be takes it off UBD again: it leaves the
account once. A credit has not been booked: it becomes a receipt without an order, or the movement it is.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from asyncpg import Connection, Record

from paygw.hub.accounts import MovementAsk, record_movement
from paygw.hub.credit import land
from paygw.hub.file_lines import find_line
from paygw.hub.hub import Hub
from paygw.hub.persons import TwoPersons
from paygw.hub.registry import Bank
from paygw.hub.transfers import Landed
from paygw.kernel.decide import Landing
from paygw.kernel.errors import Refused
from paygw.kernel.evidence import Authority, PaymentSeen
from paygw.kernel.posting import h_bank
from paygw.kernel.refs import public_id
from paygw.kernel.settlement import AccountEvent
from paygw.kernel.words import format_vnd
from paygw.store.breaks import open_one_of
from paygw.store.cases import close_case
from paygw.store.night_credits import waits_for_settlement
from paygw.store.settlement import find_movement

DEBIT: Final = "unidentified_debit"
CREDIT: Final = "unidentified_credit"
_FROM_UBD: Final[Mapping[str, tuple[AccountEvent, ...]]] = {
    "bank_charge": ("debit_known", "bank_charge"),  # 21c
    "claim_opened": ("debit_known", "claim_opened"),  # a party answers for it
    "debit_known": ("debit_known",),  # booked elsewhere: a payout or refund the statement did not name
    "debit_returned": ("debit_returned",),  # it came back
}
_INTO_ACCOUNT: Final[Mapping[str, tuple[AccountEvent, ...]]] = {
    name: (name,) for name in ("fee_topped_up", "interest", "prefunded", "claim_paid")
}
_EVENTS: Final[Mapping[str, Mapping[str, tuple[AccountEvent, ...]]]] = {DEBIT: _FROM_UBD, CREDIT: _INTO_ACCOUNT}
_OF_PARTY: Final = frozenset({"claim_opened", "claim_paid", "prefunded", "interest"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Strange:
    """A break about one line of an account: where it stands, how it is named in the books."""

    hub: Hub
    row: Record

    @property
    def bank(self) -> Bank:
        """The bank whose statement told it. Raises Refused `bank_unknown`."""
        known = self.hub.registry.banks.get(self.row["bank"])
        if known is None:
            raise Refused("bank_unknown", "That bank is not configured here any more.")
        return known

    @property
    def account(self) -> str:
        """Our account. Raises Refused `receipt_held` where the hub holds nothing."""
        if self.hub.settings.funds != "custody" or not self.bank.landing.account:
            raise Refused("receipt_held", "The hub holds no money there: the line is explained, nothing is booked.")
        return self.bank.landing.account

    @property
    def line(self) -> str:
        """What the break is about: the bank's reference of the line, else its place in the day."""
        return str(self.row["key"]).split(":", 3)[3]

    @property
    def debit_key(self) -> str:
        """Under which key row 21b booked it."""
        return f"bank:{self.account}:{self.line}"


def is_strange(row: Record) -> bool:
    """Whether a break is about a line of an account that nobody claims."""
    return row["kind"] in _EVENTS


def check_movement(row: Record, event: str, amount_vnd: int, party: str) -> None:
    """Refuse `invalid_value` for what such a line cannot be."""
    allowed = _EVENTS[row["kind"]]
    if event not in allowed:
        raise Refused("invalid_value", f"Such a line may be: event={', '.join(allowed)}.")
    if amount_vnd not in {0, row["statement_amount_vnd"]}:
        raise Refused("invalid_value", f"The line is of {format_vnd(row['statement_amount_vnd'])}, to the đồng.")
    if event in _OF_PARTY and not party:
        raise Refused("invalid_value", f"Name the party: --set party=… says whose {event} it is.")


async def solve_as_movement(
    it: Strange, event: str, party: str, *, persons: TwoPersons, connection: Connection
) -> None:
    """Book what a line is. Raises Refused: `receipt_held`, `nothing_selected` (a debit that is not on UBD)."""
    if it.row["kind"] == DEBIT:
        await _require_booked(it, connection)
    for one in _EVENTS[it.row["kind"]][event]:
        ask = MovementAsk(
            event=one,
            key=f"break:{it.row['id']}",
            holding=h_bank(it.account),
            amount_vnd=it.row["statement_amount_vnd"],
            party=party if one in _OF_PARTY else "",
        )
        await record_movement(it.hub, ask, persons=persons)
    await close_case(connection, f"debit:{it.debit_key}", at=it.hub.clock())


async def require_nothing_booked(it: Strange, connection: Connection) -> None:
    """A debit that stands on UBD is not explained away. Raises Refused `break_action`."""
    bank = it.hub.registry.banks.get(it.row["bank"])
    ours = it.hub.settings.funds == "custody" and bank is not None and bank.landing.account
    if it.row["kind"] == DEBIT and ours and await find_movement(connection, it.debit_key) is not None:
        raise Refused("break_action", "Money left the account: say what it was (movement), or who answers.")


async def require_no_strange_debit(hub: Hub, connection: Connection, holding: str, amount_vnd: int) -> None:
    """Refuse `account_stopped` while a debit of this very sum stands on UBD: it would leave the account twice."""
    banks = [one.id for one in hub.registry.banks.values() if h_bank(one.landing.account) == holding]
    same = await open_one_of(connection, banks, DEBIT, amount_vnd)
    if same is not None:
        name = public_id("brk", str(same))
        raise Refused("account_stopped", f"A debit of this sum stands unexplained: decide on its break {name} instead.")


async def _require_booked(it: Strange, connection: Connection) -> None:
    if await find_movement(connection, it.debit_key) is None:
        raise Refused("nothing_selected", "This debit is not booked as unidentified: run that night again.")


async def book_credit(it: Strange, *, connection: Connection) -> None:
    """Row 21: the credit becomes a receipt on our account, unapplied until it has an order or goes back."""
    name = {"bank": it.row["bank"], "day": it.row["day"], "bank_txn_id": it.row["bank_txn_id"], "ref": it.row["ref"]}
    line = await find_line(it.hub, connection, **name) if it.row["bank_txn_id"] else None
    if line is None:
        raise Refused("not_found", "The line has no reference of the bank: ask for one, then file the statement again.")
    if await waits_for_settlement(connection, line.bank, line.day):
        raise Refused(
            "receipt_not_settled", "Older payments of this bank wait for settlement: this may be their credit."
        )
    payment = PaymentSeen(
        attempt_ref=None,
        bank_txn_id=line.bank_txn_id,
        amount_vnd=line.amount_vnd,
        occurred_at=line.occurred_at,
        account=it.account,
        memo=line.memo,
    )
    here = replace(it.bank, landing=Landing(home="account", account=it.account))
    await land(it.hub, connection, Landed(here, payment), Authority.STATEMENT)
