"""A bank's statement of an account and day: the last word on which transfers there were."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial

import asyncpg
from asyncpg import Connection

from paygw.hub.credit import land
from paygw.hub.hub import Hub
from paygw.hub.transfers import order_codes, owners, payment_of
from paygw.kernel.errors import Refused, Unavailable
from paygw.kernel.evidence import Authority, PaymentSeen
from paygw.kernel.identity import StatementLine, overdue
from paygw.kernel.identity import read_statement as decide
from paygw.kernel.observed import plain_reference
from paygw.store.cases import open_case
from paygw.store.transfers import keep_aliases, keep_day, keep_identity, lock_identity, read_around

_RACES_MAX = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditLine:
    """One credit of a statement that is neither internal, a return nor funding. `id` names the line for ever."""

    id: str
    reference: str | None
    amount_vnd: int
    occurred_at: datetime
    memo: str = ""
    virtual_account: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementRead:
    """What a statement came to: receipts born of it, older ones it named, ones told with another amount, what waits."""

    booked: int
    named: int
    doubted: int
    waiting: int


async def read_statement(hub: Hub, account: str, day: date, lines: Sequence[CreditLine]) -> StatementRead:
    """Read the complete statement of a day, in one transaction; again changes nothing.

    Raises Refused `unknown_account`, `statement_lines_repeat`.
    """
    if not owners(hub, account):
        raise Refused("unknown_account", "No bank of ours is paid into this account: add one with paygw bank add.")
    if len({line.id for line in lines}) != len(lines):
        raise Refused("statement_lines_repeat", "Two lines of the statement have one id.")
    for _ in range(_RACES_MAX):
        try:
            return await hub.transact(partial(_read, hub, account, day, lines))
        except asyncpg.UniqueViolationError:  # the same money, told by a webhook of another way in at the same moment
            continue
    raise Unavailable("the same money is being booked by others")


async def _read(
    hub: Hub, account: str, day: date, lines: Sequence[CreditLine], connection: Connection
) -> StatementRead:
    await lock_identity(connection, account)
    mine = owners(hub, account)
    payments = {line.id: _payment(account, line) for line in lines}
    codes = await order_codes(connection, mine, list(payments.values()))
    asked = [
        StatementLine(
            id=line.id,
            reference=plain_reference(line.reference or ""),
            amount_vnd=line.amount_vnd,
            order_code=code,
        )
        for line, code in zip(lines, codes, strict=True)
    ]
    references = [line.reference for line in asked if line.reference]
    before = await read_around(connection, account, day, references)
    step = decide(before, day, asked)
    await keep_identity(connection, before, step.account)
    await keep_day(connection, account, day, hub.clock())
    told = {line.reference: payments[line.id] for line in asked if line.reference}
    for credit in (*step.booked, *step.named):
        item = payments.get(credit.claim.line.id if credit.claim else "", _undated(hub))
        await land(hub, connection, await payment_of(connection, mine, credit, item), Authority.STATEMENT)
    for credit in before.credits:
        if credit.key in step.conflicts:
            item = told[next(iter(credit.references))]
            doubt = await payment_of(connection, mine, credit, item, told_vnd=item.amount_vnd)
            await land(hub, connection, doubt, Authority.STATEMENT)
    old = set(before.credits)
    await keep_aliases(connection, [credit for credit in step.account.credits if credit not in old])
    for seen in overdue(step.account):
        detail = f"observer {seen.observer} told of {seen.amount_vnd} VND that no statement of its days holds"
        await open_case(connection, key=f"observation:{seen.observer}:{seen.id}", kind="observation", detail=detail)
    return StatementRead(
        booked=len(step.booked),
        named=len(step.named),
        doubted=len(step.conflicts),
        waiting=len(step.account.waiting),
    )


def _payment(account: str, line: CreditLine) -> PaymentSeen:
    return PaymentSeen(
        attempt_ref=None,
        bank_txn_id=line.reference,
        amount_vnd=line.amount_vnd,
        occurred_at=line.occurred_at,
        account=account,
        memo=line.memo,
        virtual_account=line.virtual_account,
    )


def _undated(hub: Hub) -> PaymentSeen:
    """For a receipt that was booked before and only gets its order now: its own time stays."""
    return PaymentSeen(attempt_ref=None, bank_txn_id=None, amount_vnd=0, occurred_at=hub.clock())
