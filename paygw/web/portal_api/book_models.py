"""Bodies of the finance API: position, trace."""

from datetime import datetime
from typing import Any, Literal

import msgspec


class StandingView(msgspec.Struct, kw_only=True):
    """So much of `owner` stands with `holder`. `example` names one receipt, or posting without one, it is made of."""

    merchant: str
    holder: str
    owner: str
    code: str
    units: int
    vnd: int
    example: str


class DifferenceView(msgspec.Struct, kw_only=True):
    """A surplus is held for nobody, a shortage is owed and held by nobody."""

    kind: Literal["surplus", "shortage"]
    merchant: str
    account: str
    code: str
    amount_vnd: int
    unit: str


class AccountDayView(msgspec.Struct, kw_only=True):
    """A bank's day whose statement was read: receipts here against credits there."""

    bank: str
    day: str
    receipts: int
    receipts_vnd: int
    lines: int
    credits_vnd: int
    difference_vnd: int


class PositionView(msgspec.Struct, kw_only=True):
    """The proof; `ok` when there is no difference, no uneven day and no violated invariant."""

    ok: bool
    as_of: datetime
    held_vnd: int
    owed_vnd: int
    rows: list[StandingView]
    differences: list[DifferenceView]
    statements: list[AccountDayView]
    violations: list[str]


class TraceView(msgspec.Struct, kw_only=True):
    """Layers from the bank's files to the ledger; amounts in đồng."""

    name: str
    bank_lines: list[dict[str, Any]]
    orders: list[dict[str, Any]]
    receipts: list[dict[str, Any]]
    settlements: list[dict[str, Any]]
    payouts: list[dict[str, Any]]
    ledger: list[dict[str, Any]]
    breaks: list[dict[str, Any]]
