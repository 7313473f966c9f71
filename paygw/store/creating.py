"""Create an order: one statement, its own transaction, for the winner.

Inserts in a fixed order (idempotency key, order, uses of tariffs, obligations sorted by identity). A second request
with the same key waits for the first and then writes nothing at all; any other duplicate fails as a whole, and the
violated constraint says which promise it met.
"""

from dataclasses import dataclass
from datetime import date, datetime
from operator import attrgetter
from uuid import UUID

import msgspec
from asyncpg import Connection, Record
from sqlalchemy import bindparam, select, update
from sqlalchemy.dialects.postgresql import JSONB

from paygw.store.query import Query
from paygw.store.tables import orders

_CREATE = """
WITH k AS (
    INSERT INTO idempotency (principal, route, key, fingerprint, status, answer)
    VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT ON CONSTRAINT idempotency_pk DO NOTHING RETURNING 1
), o AS (
    INSERT INTO orders (id, portal_id, reference, status, amount_vnd, version, expires_at, created_at, lines, face,
        quote, private, return_url)
    SELECT $7, $8, $9, 'open', $10, 1, $11, $12, $13::jsonb, $14::jsonb, $15::jsonb, $16, $17 FROM k
    RETURNING id
), f AS (
    INSERT INTO fee_uses (procedure, as_of, jurisdiction, province, schedule_hash)
    SELECT u.* FROM o, unnest($23::text[], $24::date[], $25::text[], $26::text[], $27::text[]) AS u
    ON CONFLICT DO NOTHING RETURNING 1
), b AS (
    INSERT INTO obligations (id, collecting_body, dossier_code, assessment_no, component_set)
    SELECT u.id, u.body, u.dossier, u.assessment, u.components
    FROM (SELECT o.id FROM o, (SELECT count(*) FROM f) AS used) AS o,
        unnest($18::uuid[], $19::text[], $20::text[], $21::text[], $22::text[])
            AS u(id, body, dossier, assessment, components)
    RETURNING id
)
INSERT INTO order_lines (order_id, obligation_id) SELECT o.id, b.id FROM o, b
"""
_NOTHING_WRITTEN = "INSERT 0 0"
_FIND_KEY = """
SELECT fingerprint, status, answer FROM idempotency WHERE principal = $1 AND route = $2 AND key = $3
"""
_KEEP_KEY = """
INSERT INTO idempotency (principal, route, key, fingerprint, status, answer) VALUES ($1, $2, $3, $4, $5, $6)
"""
_OBLIGATIONS = """
INSERT INTO obligations (id, collecting_body, dossier_code, assessment_no, component_set)
SELECT u.id, u.body, u.dossier, u.assessment, u.components
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[])
    AS u(id, body, dossier, assessment, components)
ON CONFLICT ON CONSTRAINT obligations_identity DO NOTHING
"""
_LOCK_OBLIGATIONS = """
SELECT o.id, o.order_id, o.attempt_id, u.place
FROM obligations o
JOIN unnest($1::text[], $2::text[], $3::text[], $4::text[]) WITH ORDINALITY
    AS u(body, dossier, assessment, components, place)
    ON (o.dossier_code, o.collecting_body, o.assessment_no, o.component_set)
        = (u.dossier, u.body, u.assessment, u.components)
ORDER BY o.id FOR NO KEY UPDATE OF o
"""
_USES = """
INSERT INTO fee_uses (procedure, as_of, jurisdiction, province, schedule_hash)
SELECT u.* FROM unnest($1::text[], $2::date[], $3::text[], $4::text[], $5::text[]) AS u
ON CONFLICT DO NOTHING
"""
_INSERT_ORDER = """
INSERT INTO orders (id, portal_id, reference, status, amount_vnd, version, expires_at, created_at, lines, face, quote,
    private, return_url)
VALUES ($1, $2, $3, 'open', $4, 1, $5, $6, '[]', $7::jsonb, $8::jsonb, $9, $10)
"""
_LINK = "INSERT INTO order_lines (order_id, obligation_id) SELECT $1, unnest($2::uuid[])"
_SET_LINES = Query(update(orders).where(orders.c.id == bindparam("id")).values(lines=bindparam("body", type_=JSONB)))
_BY_REFERENCE = Query(
    select(orders.c.id, orders.c.quote["fingerprint"].astext.label("fingerprint")).where(
        orders.c.portal_id == bindparam("portal"), orders.c.reference == bindparam("reference")
    )
)


class KeyRow(msgspec.Struct, frozen=True, kw_only=True):
    """An idempotency key with the exact answer it stands for."""

    principal: str
    route: str
    key: str
    fingerprint: bytes
    status: int
    answer: bytes


class ObligationRow(msgspec.Struct, frozen=True, kw_only=True):
    """The identity of an obligation: whichever portal asks, the same thing is owed once."""

    id: str
    collecting_body: str
    dossier_code: str
    assessment_no: str
    component_set: str


class FeeUse(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """A schedule that prices an order: on which legal date and for which province ('' for none)."""

    procedure: str
    as_of: date
    jurisdiction: str
    province: str
    schedule_hash: str


class OrderRow(msgspec.Struct, frozen=True, kw_only=True):
    """A new order; `lines`, `face` and `quote` are JSON, `private` is sealed."""

    id: str
    portal_id: str
    reference: str
    amount_vnd: int
    expires_at: datetime
    created_at: datetime
    lines: str
    face: str
    quote: str
    private: bytes
    return_url: str
    uses: tuple[FeeUse, ...] = ()


@dataclass(frozen=True, slots=True)
class HeldObligation:
    """An obligation that existed or was made, locked. `place` is its position in the request, from 0."""

    id: str
    order_id: str | None
    attempt_id: str | None
    place: int


_IDENTITY = attrgetter("dossier_code", "collecting_body", "assessment_no", "component_set")


def _columns(rows: list[ObligationRow]) -> tuple[list[UUID], list[str], list[str], list[str], list[str]]:
    ordered = sorted(rows, key=_IDENTITY)
    return (
        [UUID(row.id) for row in ordered],
        [row.collecting_body for row in ordered],
        [row.dossier_code for row in ordered],
        [row.assessment_no for row in ordered],
        [row.component_set for row in ordered],
    )


def _use_columns(uses: tuple[FeeUse, ...]) -> tuple[list[str], list[date], list[str], list[str], list[str]]:
    """Sorted, so that two orders never wait for each other crosswise."""
    ordered = sorted(set(uses))
    return (
        [use.procedure for use in ordered],
        [use.as_of for use in ordered],
        [use.jurisdiction for use in ordered],
        [use.province for use in ordered],
        [use.schedule_hash for use in ordered],
    )


async def create(connection: Connection, key: KeyRow, order: OrderRow, obligations: list[ObligationRow]) -> bool:
    """The fast path: everything is new. False, and nothing written, if the key was used before.

    Raises asyncpg.UniqueViolationError by constraint where something else existed; nothing stays.
    """
    status: str = await connection.execute(
        _CREATE,
        *(key.principal, key.route, key.key, key.fingerprint, key.status, key.answer),
        *(UUID(order.id), order.portal_id, order.reference, order.amount_vnd, order.expires_at, order.created_at),
        *(order.lines, order.face, order.quote, order.private, order.return_url),
        *_columns(obligations),
        *_use_columns(order.uses),
    )
    return status != _NOTHING_WRITTEN


async def find_key(connection: Connection, *, principal: str, route: str, key: str) -> Record | None:
    """The stored answer of a key."""
    return await connection.fetchrow(_FIND_KEY, principal, route, key)


async def keep_key(connection: Connection, row: KeyRow) -> None:
    """Store an answer under a key inside the caller's transaction."""
    await connection.execute(_KEEP_KEY, row.principal, row.route, row.key, row.fingerprint, row.status, row.answer)


async def find_by_reference(connection: Connection, *, portal_id: str, reference: str) -> Record | None:
    """The id and fingerprint of the order that has a reference."""
    return await _BY_REFERENCE.one(connection, portal=portal_id, reference=reference)


async def insert_order(connection: Connection, order: OrderRow) -> None:
    """The order without its lines, taking its reference before any obligation (the order of the fast path)."""
    await connection.execute(
        _INSERT_ORDER,
        *(UUID(order.id), order.portal_id, order.reference, order.amount_vnd, order.expires_at, order.created_at),
        *(order.face, order.quote, order.private, order.return_url),
    )
    await connection.execute(_USES, *_use_columns(order.uses))


async def hold_obligations(connection: Connection, rows: list[ObligationRow]) -> list[HeldObligation]:
    """Make those that are missing, lock all, and say who holds them."""
    await connection.execute(_OBLIGATIONS, *_columns(rows))
    found = await connection.fetch(
        _LOCK_OBLIGATIONS,
        [row.collecting_body for row in rows],
        [row.dossier_code for row in rows],
        [row.assessment_no for row in rows],
        [row.component_set for row in rows],
    )
    return [
        HeldObligation(
            str(row["id"]),
            str(row["order_id"]) if row["order_id"] else None,
            str(row["attempt_id"]) if row["attempt_id"] else None,
            row["place"] - 1,
        )
        for row in found
    ]


async def link_lines(connection: Connection, order_id: str, lines: str, obligation_ids: list[str]) -> None:
    """Give an order its lines, once the ids of its obligations are known."""
    await _SET_LINES.run(connection, id=UUID(order_id), body=lines)
    await connection.execute(_LINK, UUID(order_id), [UUID(item) for item in obligation_ids])
