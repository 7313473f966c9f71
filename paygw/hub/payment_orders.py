"""Payment orders as values: what one asks the bank, under which name the bank will tell of it, what it is made of."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple
from uuid import UUID

from asyncpg import Connection

from paygw.hub.hub import Hub
from paygw.hub.persons import TwoPersons
from paygw.outside.pain001 import Party, Transfer

Content = Mapping[str, Any]  # of a batch, as it was proposed and hashed
News = Literal["confirmed", "returned"]
State = Literal["sent", "confirmed", "returned"]
STATES: Final[tuple[State, ...]] = ("sent", "confirmed", "returned")
_NAME: Final = re.compile(r"PO([0-9A-F]{26})-?([0-9]{1,5})(?![0-9])")
_HEAD_CHARS: Final = 26  # of a uuid's 32: what ISO 20022 leaves beside the prefix and the number


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentOrder:
    """One transfer of a batch; `facts` stand beside it for people, `pieces` are the batch's entries it pays."""

    group: int
    amount_vnd: int
    to: Party
    remittance: str
    facts: Mapping[str, Any]
    pieces: tuple[Mapping[str, Any], ...] = field(default=())


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderKind:
    """What a kind of batch does: its orders, posting them at approval, what became of one, how far one is."""

    orders: Callable[[Hub, Content], list[PaymentOrder]]
    post: Callable[[Hub, Connection, Content, TwoPersons], Awaitable[None]]
    tell: Callable[[Hub, Connection, Content, PaymentOrder, News], Awaitable[None]]
    states: Callable[[Connection, Content, PaymentOrder], Awaitable[dict[State, int]]]


class BudgetCodes(NamedTuple):
    """Chương, tiểu mục, địa bàn hành chính, mã QHNS; `-` where the hub was not told."""

    chapter: str
    item: str
    area: str
    unit: str


def budget_codes(code: str) -> BudgetCodes:
    """The parts of a budget code; only the last may hold dots."""
    return BudgetCodes(*(code.split(".", 3) + ["-"] * 4)[:4])


def message_id(batch_id: UUID) -> str:
    """The name of a batch in payment messages."""
    return f"PO{batch_id.hex[:_HEAD_CHARS].upper()}"


def end_to_end_id(batch_id: UUID, group: int) -> str:
    """The name of one order, which statements repeat."""
    return f"{message_id(batch_id)}-{group}"


def named_order(*texts: str) -> tuple[str, int] | None:
    """The first digits of the batch and the number of the order that a statement line names, if it names one.

    Banks break and join the words of a memo, and drop signs: spaces do not count, nor does the sign in the middle.
    """
    for text in texts:
        if found := _NAME.search("".join(text.split()).upper()):
            return found[1].lower(), int(found[2])
    return None


def transfer_of(batch_id: UUID, order: PaymentOrder) -> Transfer:
    """An order as the bank reads it."""
    return Transfer(
        end_to_end_id=end_to_end_id(batch_id, order.group),
        amount_vnd=order.amount_vnd,
        to=order.to,
        remittance=order.remittance,
    )
