"""Create orders: one statement, its own transaction, for the winners.

Inserts in a fixed order, whoever writes: idempotency keys, orders by reference, uses of tariffs, obligations by
identity; each kind is complete before the next begins, so that two writers never wait for each other crosswise.
A second request with a known key waits for the first and then writes nothing; any other duplicate fails the statement
as a whole, and the violated constraint says which promise it met.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from operator import attrgetter
from typing import Any
from uuid import UUID

import msgspec
from asyncpg import Connection, Record
from sqlalchemy import bindparam, select, update
from sqlalchemy.dialects.postgresql import JSONB

from paygw.store.query import Query
from paygw.store.tables import orders

_CREATE = """
WITH n AS MATERIALIZED (
    SELECT * FROM unnest($4::text[], $5::bytea[], $6::bytea[], $7::uuid[], $8::text[], $9::bigint[], $10::timestamptz[],
        $11::timestamptz[], $12::text[], $13::text[], $14::text[], $15::bytea[], $16::text[])
        AS n(key, fingerprint, answer, id, reference, amount_vnd, expires_at, created_at, lines, face, quote, private,
            return_url)
), k AS (
    INSERT INTO idempotency (principal, route, key, fingerprint, status, answer)
    SELECT $1, $2, n.key, n.fingerprint, $3, n.answer FROM n
    ON CONFLICT ON CONSTRAINT idempotency_pk DO NOTHING RETURNING key
), o AS (
    INSERT INTO orders (id, portal_id, reference, status, amount_vnd, version, expires_at, created_at, lines, face,
        quote, private, return_url)
    SELECT n.id, $1, n.reference, 'open', n.amount_vnd, 1, n.expires_at, n.created_at, n.lines::jsonb, n.face::jsonb,
        n.quote::jsonb, n.private, n.return_url
    FROM n JOIN k USING (key) ORDER BY n.reference
    RETURNING id
), f AS (
    INSERT INTO fee_uses (procedure, as_of, jurisdiction, province, schedule_hash)
    SELECT DISTINCT u.procedure, u.as_of, u.jurisdiction, u.province, u.hash
    FROM o JOIN unnest($17::uuid[], $18::text[], $19::date[], $20::text[], $21::text[], $22::text[])
        AS u(order_id, procedure, as_of, jurisdiction, province, hash) ON u.order_id = o.id
    ORDER BY u.procedure, u.as_of, u.jurisdiction, u.province, u.hash
    ON CONFLICT DO NOTHING RETURNING 1
), u AS MATERIALIZED (
    SELECT u.* FROM (SELECT o.id FROM o, (SELECT count(*) FROM f) AS used) AS o
    JOIN unnest($23::uuid[], $24::uuid[], $25::text[], $26::text[], $27::text[], $28::text[])
        AS u(order_id, id, body, dossier, assessment, components) ON u.order_id = o.id
), b AS (
    INSERT INTO obligations (id, collecting_body, dossier_code, assessment_no, component_set)
    SELECT u.id, u.body, u.dossier, u.assessment, u.components FROM u
    ORDER BY u.dossier, u.body, u.assessment, u.components
    RETURNING id
), l AS (
    INSERT INTO order_lines (order_id, obligation_id) SELECT u.order_id, u.id FROM u JOIN b USING (id)
)
SELECT id FROM o
"""
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


class NewOrder(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that one request writes."""

    key: KeyRow
    order: OrderRow
    obligations: tuple[ObligationRow, ...]


_IDENTITY = attrgetter("dossier_code", "collecting_body", "assessment_no", "component_set")
_KEY = attrgetter("key.key")
_ORDER_COLUMNS = (
    "reference", "amount_vnd", "expires_at", "created_at", "lines", "face", "quote", "private", "return_url",
)  # fmt: skip


def _listed(rows: Sequence[object], *names: str) -> list[list[Any]]:
    """One list a column, as `unnest` takes them."""
    return [[getattr(row, name) for row in rows] for name in names]


def _columns(rows: Sequence[ObligationRow]) -> list[list[Any]]:
    identity = _listed(rows, "collecting_body", "dossier_code", "assessment_no", "component_set")
    return [[UUID(row.id) for row in rows], *identity]


async def create(connection: Connection, new: Sequence[NewOrder]) -> frozenset[str]:
    """The fast path, for one or more orders of one portal: the ids of those written, all or none of the others.

    An order whose key was used before is left out. Raises asyncpg.UniqueViolationError where something else existed,
    CheckViolationError where a tariff is not in force any more; then nothing stays.
    """
    ordered = sorted(new, key=_KEY)
    first = ordered[0].key
    uses = [(one.order.id, use) for one in ordered for use in one.order.uses]
    owed = [(one.order.id, row) for one in ordered for row in one.obligations]
    rows = await connection.fetch(
        _CREATE,
        *(first.principal, first.route, first.status),
        *_listed([one.key for one in ordered], "key", "fingerprint", "answer"),
        [UUID(one.order.id) for one in ordered],
        *_listed([one.order for one in ordered], *_ORDER_COLUMNS),
        [UUID(order_id) for order_id, _ in uses],
        *_listed([use for _, use in uses], "procedure", "as_of", "jurisdiction", "province", "schedule_hash"),
        [UUID(order_id) for order_id, _ in owed],
        *_columns([row for _, row in owed]),
    )
    return frozenset(str(row[0]) for row in rows)


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
    uses = sorted(set(order.uses))  # so that two orders never wait for each other crosswise
    await connection.execute(_USES, *_listed(uses, "procedure", "as_of", "jurisdiction", "province", "schedule_hash"))


async def hold_obligations(connection: Connection, rows: Sequence[ObligationRow]) -> list[HeldObligation]:
    """Make those that are missing, lock all, and say who holds them."""
    await connection.execute(_OBLIGATIONS, *_columns(sorted(rows, key=_IDENTITY)))
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
