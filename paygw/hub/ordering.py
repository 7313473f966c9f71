"""Create an order: quote, freeze, write once; a duplicate gets the winner's bytes."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from typing import Any

import asyncpg
import msgspec
from asyncpg import Connection
from msgspec import structs

from paygw.hub.frozen import Private, seal_private
from paygw.hub.hub import Hub
from paygw.hub.quotes import FeeQuestion, quote, read_token
from paygw.hub.registry import Portal, Registry
from paygw.hub.tariffs import load_tariffs
from paygw.hub.views import instant, order_view
from paygw.hub.writing import new_id, token_key
from paygw.kernel.errors import Refused, Unavailable
from paygw.kernel.fees.quote import Quote, QuotedComponent, document
from paygw.kernel.orders import Line, Order, OrderStatus, Share
from paygw.kernel.posting import TREASURY
from paygw.kernel.receipts import Purse
from paygw.kernel.refs import public_id
from paygw.store.away import AWAY
from paygw.store.creating import (
    FeeUse,
    KeyRow,
    NewOrder,
    ObligationRow,
    OrderRow,
    find_by_reference,
    find_key,
    hold_obligations,
    insert_order,
    keep_key,
    link_lines,
)
from paygw.store.fees import IN_FORCE
from paygw.store.orders import read_order

ROUTE = "POST /v1/orders"
_KEY_TAKEN = "idempotency_pk"
_CREATED = 201
_PRICINGS_MAX = 2
_OK = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class LineAsk:
    """One obligation a portal wants paid: a dossier's fee, by quote token or by the question itself."""

    dossier_code: str
    collecting_body: str
    assessment_no: str = ""
    quote_token: str | None = None
    question: FeeQuestion | None = None
    assessed_vnd: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderAsk:
    """A portal's request, already well formed. `payer` is personal data: it is sealed before it is stored."""

    reference: str
    lines: tuple[LineAsk, ...]
    return_url: str
    expires_at: datetime | None = None
    payer: Mapping[str, str] | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer of exact bytes; `replayed` when it was given before."""

    status: int
    body: bytes
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class _Draft:
    new: NewOrder
    lines: tuple[Line, ...]


async def create_order(hub: Hub, portal: Portal, ask: OrderAsk, *, key: str) -> Answered:
    """Create, or answer as before. Raises Refused with the contract's codes, Unavailable when it may be repeated."""
    for _ in range(_PRICINGS_MAX):
        try:
            return await _create(hub, portal, ask, key)
        except asyncpg.CheckViolationError as error:
            if error.constraint_name != IN_FORCE:
                raise
        await load_tariffs(hub)  # somebody published since this process last looked
    raise Unavailable("the tariffs are being changed")


async def _create(hub: Hub, portal: Portal, ask: OrderAsk, key: str) -> Answered:
    now = hub.clock()
    fingerprint = sha256(msgspec.json.encode(ask, order="deterministic")).digest()
    draft = _draft(hub, portal, ask, key, fingerprint, now)
    try:
        if not await hub.gathering.create(hub.pool, draft.new):
            async with hub.pool.acquire() as connection:
                return await replay(connection, draft.new.key)
    except asyncpg.UniqueViolationError:
        return await _met(hub, draft)
    except (asyncpg.LockNotAvailableError, asyncpg.QueryCanceledError):
        raise Refused("idempotency_in_progress", "The same request is still being worked on; ask again.") from None
    except AWAY as error:
        raise Unavailable("the database does not answer") from error
    hub.observe.count("paygw_orders_total", portal=portal.id, status="open")
    return Answered(_CREATED, draft.new.key.answer)


async def _met(hub: Hub, draft: _Draft) -> Answered:
    """What to answer when the reference or an obligation of this request existed before."""
    for work in (_create_beside, _same_reference):
        try:
            return await hub.transact(partial(work, hub, draft))
        except asyncpg.UniqueViolationError as error:
            if error.constraint_name == _KEY_TAKEN:
                async with hub.pool.acquire() as connection:
                    return await replay(connection, draft.new.key)
    raise Unavailable("the order with this reference was undone")


async def replay(connection: Connection, row: KeyRow) -> Answered:
    """The stored answer of a key. Raises Refused `idempotency_mismatch` if it was another request."""
    known = await find_key(connection, principal=row.principal, route=row.route, key=row.key)
    if known is None:
        raise Unavailable("the first request with this key was undone")
    if known["fingerprint"] != row.fingerprint:
        raise Refused("idempotency_mismatch", "This Idempotency-Key was used for another request.")
    return Answered(known["status"], known["answer"], replayed=True)


async def _same_reference(hub: Hub, draft: _Draft, connection: Connection) -> Answered:
    """Another key for a reference that exists: the same order if the body is the same, a conflict otherwise."""
    portal_id, reference = draft.new.order.portal_id, draft.new.order.reference
    known = await find_by_reference(connection, portal_id=portal_id, reference=reference)
    if known is None:
        raise Unavailable("the order with this reference was undone")
    order_id = str(known["id"])
    if known["fingerprint"] != draft.new.key.fingerprint.hex():
        raise Refused(
            "order_exists",
            "Another order has this reference; a reference is used once.",
            order_id=public_id("ord", order_id),
        )
    view = await read_order(connection, order_id, portal_id=portal_id)
    if view is None:
        raise Unavailable("the order with this reference was undone")
    body = msgspec.json.encode(view_of(hub, msgspec.json.decode(view.face), view.order, view.purse, view.applied_at))
    await keep_key(connection, structs.replace(draft.new.key, status=_OK, answer=body))
    return Answered(_OK, body, replayed=True)


async def _create_beside(hub: Hub, draft: _Draft, connection: Connection) -> Answered:
    """Some obligation existed: lock them all, look, and only then create."""
    await keep_key(connection, draft.new.key)
    await insert_order(connection, draft.new.order)
    held = await hold_obligations(connection, draft.new.obligations)
    for obligation in held:
        if obligation.order_id is not None:
            raise Refused("obligation_already_paid", "This dossier's fee has been paid; it is not charged twice.")
        if obligation.attempt_id is not None:
            raise Refused("obligation_in_payment", "A payment for the same dossier is under way; wait for its result.")
    renamed = {draft.new.obligations[item.place].id: item.id for item in held}
    lines = [replace(line, obligation_id=renamed[line.obligation_id]) for line in draft.lines]
    await link_lines(connection, draft.new.order.id, _json(lines), [item.id for item in held])
    hub.observe.count("paygw_orders_total", portal=draft.new.order.portal_id, status="open")
    return Answered(_CREATED, draft.new.key.answer)


def _draft(hub: Hub, portal: Portal, ask: OrderAsk, key: str, fingerprint: bytes, now: datetime) -> _Draft:
    """Everything that will be stored, computed before the database is touched."""
    expires_at = ask.expires_at or now + timedelta(seconds=hub.settings.order_lifetime_s)
    _check_expiry(hub, expires_at, now)
    answered = [_answer(hub, line, now) for line in ask.lines]
    answers = [answer for _, answer in answered]
    total_vnd = sum(answer.total_vnd for answer in answers)
    if total_vnd == 0:
        outcomes = sorted({answer.outcome for answer in answers})
        raise Refused("nothing_to_pay", f"Nothing is owed: {', '.join(outcomes)}.", outcome=outcomes[0])
    order_id = new_id()
    obligations, lines = _obligations(hub.registry, ask, answers)
    face = {
        "id": public_id("ord", order_id),
        "reference": ask.reference,
        "amount_vnd": total_vnd,
        "lines": [_line_face(line, answer) for line, answer in zip(ask.lines, answers, strict=True)],
        "return_url": ask.return_url,
        "expires_at": instant(expires_at),
        "created_at": instant(now),
        "metadata": dict(ask.metadata),
    }
    order = Order(order_id, portal.id, OrderStatus.OPEN, total_vnd, 1, expires_at)
    face_json = msgspec.json.encode(face)
    answer = msgspec.json.encode(view_of(hub, face, order, Purse(), None))
    sealed = seal_private(hub, order_id, Private(ask.payer, tuple(question.facts for question, _ in answered)))
    frozen = {"fingerprint": fingerprint.hex(), "lines": [document(answer) for answer in answers]}
    row = OrderRow(
        id=order_id,
        portal_id=portal.id,
        reference=ask.reference,
        amount_vnd=total_vnd,
        expires_at=expires_at,
        created_at=now,
        lines=_json(lines),
        face=face_json.decode(),
        quote=_json(frozen),
        private=sealed,
        return_url=ask.return_url,
        uses=tuple(_use(answer) for answer in answers),
    )
    answered_key = KeyRow(
        principal=portal.id, route=ROUTE, key=key, fingerprint=fingerprint, status=_CREATED, answer=answer
    )
    return _Draft(NewOrder(key=answered_key, order=row, obligations=tuple(obligations)), lines)


def _use(answer: Quote) -> FeeUse:
    return FeeUse(
        procedure=answer.procedure,
        as_of=answer.as_of,
        jurisdiction=answer.rule.jurisdiction,
        province=answer.province or "",
        schedule_hash=answer.schedule_hash,
    )


def view_of(hub: Hub, face: dict[str, Any], order: Order, purse: Purse, applied_at: str | None) -> dict[str, Any]:
    """The public order; its unchanging `face` becomes part of it."""
    return order_view(face, order, purse, origin=hub.settings.origin, token_key=token_key(hub), applied_at=applied_at)


def _check_expiry(hub: Hub, expires_at: datetime, now: datetime) -> None:
    if expires_at <= now:
        raise Refused("expiry_not_allowed", "An order expires in the future.")
    if expires_at > now + timedelta(seconds=hub.settings.order_lifetime_max_s):
        raise Refused("expiry_not_allowed", "An order lives at most as long as the hub's limit.")


def _answer(hub: Hub, line: LineAsk, now: datetime) -> tuple[FeeQuestion, Quote]:
    if line.quote_token is not None:
        question, answer = read_token(hub, line.quote_token, now)
    elif line.question is not None:
        question, answer = line.question, quote(hub, line.question)
    else:
        raise Refused("bad_request", "A line names a quote_token, or procedure, as_of and facts.")
    return question, _assessed(answer, line.assessed_vnd)


def _assessed(answer: Quote, assessed_vnd: int | None) -> Quote:
    """Where the catalogue says that an officer sets the sum, the caller's figure replaces the computed one."""
    if not answer.tariff.assessed:
        if assessed_vnd is not None:
            raise Refused("assessment_not_allowed", "The tariff sets the amount of this procedure.")
        return answer
    if assessed_vnd is None or len(answer.components) != 1:
        raise Refused("assessment_required", "The collecting body assesses this amount: send assessed_vnd.")
    component = structs.replace(answer.components[0], amount_vnd=assessed_vnd, before_relief_vnd=assessed_vnd)
    return structs.replace(answer, components=(component,), total_vnd=assessed_vnd)


def _obligations(
    registry: Registry, ask: OrderAsk, answered: list[Quote]
) -> tuple[list[ObligationRow], tuple[Line, ...]]:
    """One obligation per line that costs something, one kernel line per component of it."""
    rows: list[ObligationRow] = []
    lines: list[Line] = []
    for asked, answer in zip(ask.lines, answered, strict=True):
        charged = [component for component in answer.components if component.amount_vnd]
        if not charged:
            continue
        row = ObligationRow(
            id=new_id(),
            collecting_body=asked.collecting_body,
            dossier_code=asked.dossier_code,
            assessment_no=asked.assessment_no,
            component_set=f"{answer.procedure}:{','.join(component.id for component in charged)}",
        )
        rows.append(row)
        for component in charged:
            shares = _shares(registry, asked.collecting_body, component)
            lines.append(Line(len(lines) + 1, component.id, row.id, component.amount_vnd, shares))
    identities = {(r.dossier_code, r.collecting_body, r.assessment_no, r.component_set) for r in rows}
    if len(identities) != len(rows):
        raise Refused("obligation_repeated", "Two lines of this order are the same obligation.")
    return rows, tuple(lines)


def _shares(registry: Registry, collecting_body: str, component: QuotedComponent) -> tuple[Share, ...]:
    """Beneficiaries by name: the treasury is one, every other share belongs to this collecting body."""
    code = registry.budget_code(collecting_body, component.ndkt or "")
    return tuple(
        Share(
            rule.to if rule.to == TREASURY else f"{rule.to}@{collecting_body}",
            code,
            rule.pct_millionths,
        )
        for rule in component.split.shares
    )


def _line_face(asked: LineAsk, answer: Quote) -> dict[str, Any]:
    return {
        "dossier_code": asked.dossier_code,
        "collecting_body": asked.collecting_body,
        "assessment_no": asked.assessment_no or None,
        "procedure": answer.procedure,
        "name": answer.tariff.name_vi,
        "amount_vnd": answer.total_vnd,
        "legal": list(answer.rule.legal),
        "components": [
            {
                "id": component.id,
                "name": component.name,
                "type": component.type,
                "amount_vnd": component.amount_vnd,
                "before_relief_vnd": component.before_relief_vnd,
                "status": component.status,
            }
            for component in answer.components
        ],
    }


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
