"""Refunds: asked for by one, decided by another; sources and receipts are chosen here, money is the kernel's."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from typing import Any, Literal

import asyncpg
import msgspec
from asyncpg import Connection
from msgspec import structs

from paygw.hub.hub import Hub
from paygw.hub.locking import lock_receipt
from paygw.hub.moving import decision_of, keep, keep_moved
from paygw.hub.ordering import Answered, replay
from paygw.hub.persons import TwoPersons, decided_by_two, principal_of, require_checker, tell_audit
from paygw.hub.registry import Portal
from paygw.hub.views import instant, refund_view
from paygw.hub.writing import new_id
from paygw.kernel.connector import Verdict
from paygw.kernel.decide import Decision, Fact
from paygw.kernel.errors import Alarm, Refused, Unavailable
from paygw.kernel.news import lines_of, touched
from paygw.kernel.orders import Line
from paygw.kernel.receipts import Purse, Receipt, Refund, RefundSource, RefundStatus, with_refund
from paygw.kernel.refs import public_id
from paygw.kernel.refunds import approve_refund as approve_money
from paygw.kernel.refunds import refundable_vnd
from paygw.kernel.refunds import withdraw_refund as withdraw_money
from paygw.kernel.takeback import UNCLAIMED_LINE
from paygw.kernel.words import format_vnd
from paygw.store.creating import KeyRow, find_key, keep_key
from paygw.store.refunds import (
    NewRefund,
    RefundRow,
    asked_vnd,
    insert_refund,
    list_refunds,
    lock_refund,
    mark_decided,
    read_refund,
    wake_refund,
)
from paygw.store.situations import Locked, lock_by_order, read_purse

ROUTE = "POST /v1/orders/{id}/refunds"
UNAPPLIED_ROUTE = "POST /v1/unapplied/{id}/refunds"
_CREATED = 201
_REF_MAX_CHARS = 32  # what the tightest protocol takes (vnp_RequestId); 124 bits of a uuid remain
_MISSING = Refused("not_found", "There is no such refund here.")


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundAsk:
    """A refund as a portal asks for it: `line` counts the order's lines from 1, `component` is the id in that line."""

    source: RefundSource
    amount_vnd: int
    reason: str
    line: int | None = None
    component: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnappliedAsk:
    """A refund of one receipt's unapplied money, or of what went to the treasury as unclaimed (row 24)."""

    receipt_id: str
    amount_vnd: int
    reason: str
    of: Literal["unapplied", "unclaimed"] = "unapplied"


@dataclass(frozen=True, slots=True)
class PublicLine:
    """A component as portals see it, and its number inside."""

    line: int
    component: str
    no: int


@dataclass(frozen=True, slots=True)
class _Wanted:
    """One source of one receipt, found to bear the amount."""

    receipt: Receipt
    line: Line | None
    amount_vnd: int


async def request_refund(hub: Hub, portal: Portal, order_id: str, ask: RefundAsk, *, key: str) -> Answered:
    """Keep a portal's request (201), or answer as before. Nothing moves before a person approves.

    Raises Refused: `not_found`, `refund_line_missing`, `refund_source_missing`, `refund_exceeds_source`
    (with `available_vnd`), `idempotency_mismatch`.
    """
    fingerprint = sha256(order_id.encode() + msgspec.json.encode(ask, order="deterministic")).digest()
    row = KeyRow(principal=portal.id, route=ROUTE, key=key, fingerprint=fingerprint, status=_CREATED, answer=b"")
    return await _once(hub, row, partial(_request, hub, portal, order_id, ask, row))


async def request_unapplied_refund(hub: Hub, by: str, ask: UnappliedAsk, *, key: str) -> Answered:
    """The same for money without an order, or one receipt of one; `by` is the asking principal (finance scope)."""
    fingerprint = sha256(msgspec.json.encode(ask, order="deterministic")).digest()
    row = KeyRow(principal=by, route=UNAPPLIED_ROUTE, key=key, fingerprint=fingerprint, status=_CREATED, answer=b"")
    return await _once(hub, row, partial(_request_unapplied, hub, by, ask, row))


async def _once(hub: Hub, row: KeyRow, work: Any) -> Answered:  # noqa: ANN401 - a bound use case
    try:
        answered: Answered = await hub.transact(work)
    except asyncpg.UniqueViolationError as error:
        if error.constraint_name != "idempotency_pk":
            raise
        async with hub.pool.acquire() as connection:
            return await replay(connection, row)
    except asyncpg.QueryCanceledError:
        raise Refused("idempotency_in_progress", "The same request is still being worked on; ask again.") from None
    return answered


async def _request(
    hub: Hub, portal: Portal, order_id: str, ask: RefundAsk, row: KeyRow, connection: Connection
) -> Answered:
    locked = await _lock_order(connection, order_id)
    order = locked.situation.order
    if order is None or order.portal_id != portal.id:
        raise Refused("not_found", "There is no such order here.")
    if await find_key(connection, principal=row.principal, route=row.route, key=row.key) is not None:
        return await replay(connection, row)
    line = _line(locked, ask) if ask.source == "component" else None
    wanted = await _choose(connection, locked.situation.purse, order_id, line, ask)
    return await _keep_request(hub, connection, locked, wanted, row, (f"portal:{portal.id}", ask.reason))


async def _request_unapplied(hub: Hub, by: str, ask: UnappliedAsk, row: KeyRow, connection: Connection) -> Answered:
    locked = await lock_receipt(connection, ask.receipt_id)
    if await find_key(connection, principal=row.principal, route=row.route, key=row.key) is not None:
        return await replay(connection, row)
    receipt = locked.situation.purse[ask.receipt_id]
    line = UNCLAIMED_LINE if ask.of == "unclaimed" else None
    available_vnd = await _available_vnd(connection, receipt, receipt.id, line)
    _require_room(ask.amount_vnd, available_vnd)
    if not ask.reason.strip():
        raise Refused("invalid_value", "Say why the money goes back, and name the document.")
    wanted = _Wanted(receipt, line, ask.amount_vnd)
    return await _keep_request(hub, connection, locked, wanted, row, (by, ask.reason))


async def _lock_order(connection: Connection, order_id: str) -> Locked:
    locked = await lock_by_order(connection, order_id)
    if locked.receipt_count:
        purse = await read_purse(connection, order_id)
        locked = replace(locked, situation=replace(locked.situation, purse=purse))
    return locked


def numbered(face: bytes) -> Iterator[PublicLine]:
    """The charged components of an order in the order in which they were numbered."""
    no = 0
    for at, line in enumerate(msgspec.json.decode(face)["lines"], start=1):
        for component in line["components"]:
            if component["amount_vnd"]:
                no += 1
                yield PublicLine(at, component["id"], no)


def _line(locked: Locked, ask: RefundAsk) -> Line:
    """The one component a request names; what is not named may be left out where there is only one."""
    fits = [
        found
        for found in numbered(locked.face)
        if ask.line in {None, found.line} and ask.component in {None, found.component}
    ]
    if len(fits) != 1:
        raise Refused("refund_line_missing", "Name one line of the order, and one charged component of it.")
    return lines_of(locked.situation)[fits[0].no]


async def _choose(connection: Connection, purse: Purse, order_id: str, line: Line | None, ask: RefundAsk) -> _Wanted:
    """The receipt with most of that source, older first; what is asked for already is not there any more."""
    if not purse.receipts:
        raise Refused("refund_source_missing", "The order holds no money.")
    rooms = [(await _available_vnd(connection, receipt, order_id, line), receipt) for receipt in purse.receipts]
    available_vnd, receipt = max(rooms, key=lambda room: room[0])
    _require_room(ask.amount_vnd, available_vnd)
    return _Wanted(receipt, line, ask.amount_vnd)


async def _available_vnd(connection: Connection, receipt: Receipt, order_id: str, line: Line | None) -> int:
    asked = await asked_vnd(connection, receipt.id, line.no if line else None)
    return max(refundable_vnd(receipt, order_id=order_id, line=line) - asked, 0)


def _require_room(amount_vnd: int, available_vnd: int) -> None:
    if amount_vnd <= 0:
        raise Refused("amount_not_positive", "An amount is at least 1 đồng.")
    if amount_vnd > available_vnd:
        left = f"No more than {format_vnd(available_vnd)} of this source can be given back."
        raise Refused("refund_exceeds_source", left, available_vnd=available_vnd)


async def _keep_request(
    hub: Hub, connection: Connection, locked: Locked, wanted: _Wanted, row: KeyRow, asked: tuple[str, str]
) -> Answered:
    by, reason = asked
    order = locked.situation.order
    refund = Refund(
        id=new_id(),
        receipt_id=wanted.receipt.id,
        source="component" if wanted.line else "excess",
        amount_vnd=wanted.amount_vnd,
        status=RefundStatus.REQUESTED,
        line_no=wanted.line.no if wanted.line else None,
    )
    ref = f"R{refund.id.replace('-', '').upper()}"[:_REF_MAX_CHARS]
    new = NewRefund(
        refund=refund,
        order_id=order.id if order else None,
        portal_id=order.portal_id if order else None,
        reason=reason,
        by=by,
        content_hash=content_hash(refund, ref),
        ref=ref,
        at=hub.clock(),
    )
    await insert_refund(connection, new)
    kept = await read_refund(connection, refund.id)
    if kept is None:
        raise Unavailable("the refund was undone")
    body = msgspec.json.encode(show_refund(kept))
    await keep_key(connection, structs.replace(row, answer=body))
    return Answered(_CREATED, body)


def content_hash(refund: Refund, ref: str) -> bytes:
    """What an approval is bound to: from which receipt and line, how much, to the payer of that receipt."""
    bound = (refund.id, refund.receipt_id, refund.source, refund.line_no, refund.amount_vnd, ref)
    return sha256(msgspec.json.encode(bound)).digest()


async def approve_refund(
    hub: Hub, refund_id: str, *, by: str, shown: str | None = None, via: str = "cli"
) -> dict[str, Any]:
    """Rows 9 and 9a, once. `by` is a person with the role approver; neither they nor their key (`via`) asked.

    `shown` is the content hash (hex) of what the person saw, where the surface shows one.
    Raises Refused: `refund_same_person`, `role_missing`, `refund_state`, and the kernel's.
    """
    return await hub.transact(partial(_approve, hub, refund_id, by, shown, via))


async def _approve(
    hub: Hub, refund_id: str, by: str, shown: str | None, via: str, connection: Connection
) -> dict[str, Any]:
    locked, row = await _lock_asked(connection, refund_id, by, via)
    expected = content_hash(row.refund, row.ref)
    if row.content_hash != expected:
        raise Alarm(f"refund {refund_id} is not what was asked for")
    if shown is not None and shown != expected.hex():
        raise Refused("refund_state", "The refund is not the one that was shown.")
    order_id, line = _source_of(locked, row.refund)
    moved = approve_money(locked.situation.purse, row.refund, order_id=order_id, line=line)
    await keep_moved(hub, connection, locked, moved)
    return await _decided(hub, connection, row, by, "refund.approve")


def _source_of(locked: Locked, refund: Refund) -> tuple[str | None, Line | None]:
    order, receipt = locked.situation.order, locked.situation.purse[refund.receipt_id]
    if refund.line_no == UNCLAIMED_LINE.no:
        return receipt.id, UNCLAIMED_LINE
    line = lines_of(locked.situation).get(refund.line_no) if refund.line_no is not None else None
    return order.id if order else None, line


async def reject_refund(hub: Hub, refund_id: str, *, by: str, via: str = "cli") -> dict[str, Any]:
    """Say no, once; the portal is told."""
    return await hub.transact(partial(_reject, hub, refund_id, by, via))


async def _reject(hub: Hub, refund_id: str, by: str, via: str, connection: Connection) -> dict[str, Any]:
    locked, row = await _lock_asked(connection, refund_id, by, via)
    rejected = replace(row.refund, status=RefundStatus.REJECTED)
    purse = locked.situation.purse
    changed = purse.put(with_refund(purse[rejected.receipt_id], rejected))
    fact = Fact("refund.rejected", f"refund.rejected:{refund_id}", rejected.receipt_id, refund_id)
    after = touched(replace(locked.situation, purse=changed))
    await keep(hub, connection, locked, Decision(situation=after, verdict=Verdict.ACCEPTED, facts=(fact,)))
    return await _decided(hub, connection, row, by, "refund.reject")


async def _lock_asked(connection: Connection, refund_id: str, by: str, via: str) -> tuple[Locked, RefundRow]:
    found = await read_refund(connection, refund_id)
    if found is None:
        raise _MISSING
    locked = await lock_receipt(connection, found.refund.receipt_id)
    row = await lock_refund(connection, refund_id)
    if row is None or row.refund.status is not RefundStatus.REQUESTED:
        raise Refused("refund_state", "The refund has been decided already.")
    if row.requested_by in {principal_of(by), via}:
        raise Refused("refund_same_person", "Another person must decide on this refund.")
    await require_checker(connection, by)
    return locked, row


async def _decided(hub: Hub, connection: Connection, row: RefundRow, by: str, action: str) -> dict[str, Any]:
    refund, now = row.refund, hub.clock()
    await mark_decided(connection, refund.id, by=principal_of(by), at=now)
    await wake_refund(connection, refund.id, at=now)
    await tell_audit(connection, principal_of(by), action, public_id("rfd", refund.id), amount_vnd=refund.amount_vnd)
    after = await read_refund(connection, refund.id)
    if after is None:
        raise _MISSING
    return show_refund(after)


async def withdraw_refund(hub: Hub, refund_id: str, *, persons: TwoPersons) -> dict[str, Any]:
    """Row 9c: undo an approval while nothing was funded or sent."""
    return await hub.transact(partial(_withdraw, hub, refund_id, persons))


async def _withdraw(hub: Hub, refund_id: str, persons: TwoPersons, connection: Connection) -> dict[str, Any]:
    locked, row = await lock_live_refund(connection, refund_id)
    order_id, _ = _source_of(locked, row.refund)
    await decided_by_two(connection, persons, "refund.withdraw", public_id("rfd", refund_id))
    moved = withdraw_money(
        locked.situation.purse, row.refund.receipt_id, refund_id, order_id=order_id, mode=hub.settings.funds
    )
    await keep(hub, connection, locked, decision_of(locked, moved))
    return await get_refund_in(connection, refund_id)


async def lock_live_refund(connection: Connection, refund_id: str) -> tuple[Locked, RefundRow]:
    """Lock the money of a refund and the refund. Raises Refused `not_found`."""
    found = await read_refund(connection, refund_id)
    if found is None:
        raise _MISSING
    locked = await lock_receipt(connection, found.refund.receipt_id)
    row = await lock_refund(connection, refund_id)
    if row is None:
        raise _MISSING
    return locked, row


async def get_refund(hub: Hub, refund_id: str, *, portal_id: str | None) -> dict[str, Any]:
    """One refund of this portal (None: of any); a foreign one is as good as missing."""
    async with hub.pool.acquire() as connection:
        return await get_refund_in(connection, refund_id, portal_id=portal_id)


async def get_refund_in(connection: Connection, refund_id: str, *, portal_id: str | None = None) -> dict[str, Any]:
    """The same inside a transaction."""
    row = await read_refund(connection, refund_id)
    if row is None or (portal_id is not None and row.portal_id != portal_id):
        raise _MISSING
    return show_refund(row)


async def find_refunds(
    hub: Hub, *, status: str | None = None, order_id: str | None = None, limit: int = 100
) -> list[dict[str, Any]]:
    """Refunds for people, newest first: the public view, who asked and decided, and the content hash to approve."""
    async with hub.pool.acquire() as connection:
        rows = await list_refunds(connection, status=status, order_id=order_id, limit=limit)
    return [show_refund(row) | _for_people(row) for row in rows]


def show_refund(row: RefundRow) -> dict[str, Any]:
    """A refund as portals see it."""
    public = next((p for p in numbered(row.face.encode()) if p.no == row.refund.line_no), None) if row.face else None
    return refund_view(row.refund, reason=row.reason) | {
        "order_id": public_id("ord", row.order_id) if row.order_id else None,
        "line": public.line if public else None,
        "component": public.component if public else None,
        "created_at": instant(row.created_at),
        "decided_at": instant(row.decided_at) if row.decided_at else None,
    }


def _for_people(row: RefundRow) -> dict[str, Any]:
    return {
        "reference": row.reference,
        "requested_by": row.requested_by,
        "decided_by": row.decided_by,
        "bank": row.bank,
        "bank_txn_id": row.bank_txn_id,
        "route": row.refund.route,
        "content_hash": row.content_hash.hex(),
    }
