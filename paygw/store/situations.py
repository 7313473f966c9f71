"""Lock, read and write a `Situation`: the money transaction in two statements.

`LOCK` takes obligations (by id) < order < attempts, in that order, and answers with what it locked: rows under a lock
are fresh even if the statement had to wait. Receipts are read by a second statement, and only if the order has any:
`receipt_count` stands on the locked order row, so that "none" can be believed.
`APPLY` writes everything a decision changed, in one statement; unique keys make a second writing impossible.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

import msgspec
from asyncpg import Connection

from paygw.kernel.evidence import ReversalSeen
from paygw.kernel.orders import Attempt, Line, Obligation, Order, Situation
from paygw.kernel.receipts import Purse, Receipt

_OBLIGATIONS_OF = """
obl AS MATERIALIZED (
    SELECT o.id, o.order_id, o.attempt_id FROM obligations o
    WHERE o.id = ANY (ARRAY(SELECT l.obligation_id FROM order_lines l WHERE l.order_id = (SELECT order_id FROM hit)))
    ORDER BY o.id FOR NO KEY UPDATE
), ord AS MATERIALIZED (
    SELECT r.* FROM orders r
    WHERE r.id = (SELECT order_id FROM hit) AND (SELECT count(*) FROM obl) >= 0 FOR NO KEY UPDATE
), att AS MATERIALIZED (
    SELECT a.* FROM attempts a
    WHERE a.order_id = (SELECT order_id FROM hit) AND (SELECT count(*) FROM ord) >= 0
    ORDER BY a.id FOR NO KEY UPDATE
)
"""
_DOCUMENT = """
    'order', (SELECT json_build_object('id', id, 'portal_id', portal_id, 'status', status, 'amount_vnd', amount_vnd,
        'version', version, 'expires_at', expires_at) FROM ord),
    'lines', (SELECT lines FROM ord),
    'face', (SELECT face FROM ord),
    'receipt_count', coalesce((SELECT receipt_count FROM ord), 0),
    'applied_at', (SELECT applied_at FROM ord),
    'obligations', (SELECT coalesce(json_agg(obl), '[]') FROM obl),
    'attempts', (SELECT coalesce(json_agg(json_build_object('id', id, 'order_id', order_id, 'bank', bank,
        'merchant', merchant, 'ref', ref, 'amount_vnd', amount_vnd, 'status', status,
        'last_contact_failed', last_contact_failed) ORDER BY id), '[]') FROM att),
    'held_reversals', coalesce((SELECT sum(held_reversals) FROM att), 0)
"""
_LOCK_BY_ATTEMPT = f"""
WITH seen AS MATERIALIZED (
    SELECT verdict FROM messages WHERE bank = $1 AND digest = $4 AND verdict = 'accepted'
), hit AS MATERIALIZED (
    SELECT order_id FROM attempts WHERE bank = $1 AND merchant = $2 AND ref = $3 AND NOT EXISTS (SELECT FROM seen)
), {_OBLIGATIONS_OF}
SELECT json_build_object('seen', EXISTS (SELECT FROM seen), {_DOCUMENT})
"""  # noqa: S608 - only constants of this module
_LOCK_BY_ORDER = f"""
WITH hit AS MATERIALIZED (SELECT $1::uuid AS order_id), {_OBLIGATIONS_OF}
SELECT json_build_object('seen', false, {_DOCUMENT})
"""
_HOLD_ORDERS = """
WITH obl AS MATERIALIZED (
    SELECT o.id FROM obligations o
    WHERE o.id IN (SELECT l.obligation_id FROM order_lines l WHERE l.order_id = ANY ($1::uuid[]))
    ORDER BY o.id FOR NO KEY UPDATE
), ord AS MATERIALIZED (
    SELECT r.id FROM orders r WHERE r.id = ANY ($1::uuid[]) AND (SELECT count(*) FROM obl) >= 0
    ORDER BY r.id FOR NO KEY UPDATE
), att AS MATERIALIZED (
    SELECT a.id FROM attempts a WHERE a.order_id = ANY ($1::uuid[]) AND (SELECT count(*) FROM ord) >= 0
    ORDER BY a.id FOR NO KEY UPDATE
)
SELECT count(*) FROM att
"""
RECEIPT_JSON = """json_build_object('id', r.id, 'bank', r.bank, 'merchant', r.merchant, 'key', r.key,
    'amount_vnd', r.amount_vnd, 'home', r.home, 'account', r.account, 'order_id', r.order_id,
    'attempt_id', r.attempt_id, 'received_at', r.received_at, 'value_date', r.value_date, 'free_vnd', r.free_vnd,
    'refund_due_vnd', r.refund_due_vnd, 'taken_back_vnd', r.taken_back_vnd, 'taken_back_by', r.taken_back_by,
    'claim_vnd', r.claim_vnd,
    'dispute_vnd', r.dispute_vnd, 'settled', r.settled, 'holder', r.holder, 'blocked', r.blocked, 'reason', r.reason,
    'conflict', r.conflict, 'recoveries', r.recoveries,
    'slices', (SELECT coalesce(json_agg(json_build_object('order_id', s.order_id, 'line_no', s.line_no,
            'beneficiary', s.beneficiary, 'code', s.code, 'live_vnd', s.live_vnd, 'disbursed_vnd', s.disbursed_vnd)
            ORDER BY s.order_id, s.line_no, s.beneficiary, s.code), '[]') FROM slices s WHERE s.receipt_id = r.id),
    'refunds', (SELECT coalesce(json_agg(json_build_object('id', f.id, 'receipt_id', f.receipt_id,
            'source', f.source, 'amount_vnd', f.amount_vnd, 'status', f.status, 'line_no', f.line_no,
            'due_vnd', f.due_vnd, 'legs', f.legs, 'body_paid_vnd', f.body_paid_vnd, 'consented', f.consented,
            'route', f.route, 'void', f.void, 'unknown', f.unknown, 'seen', f.seen) ORDER BY f.id), '[]')
            FROM refunds f WHERE f.receipt_id = r.id AND f.status NOT IN ('requested', 'rejected')))"""
_READ_RECEIPTS = f"""
WITH mine AS MATERIALIZED (
    SELECT * FROM receipts WHERE order_id = $1 OR key = $2 OR id = $3 ORDER BY id FOR NO KEY UPDATE
)
SELECT coalesce(json_agg({RECEIPT_JSON} ORDER BY r.received_at, r.key), '[]') FROM mine r
"""  # noqa: S608 - only constants of this module
_HELD_REVERSALS = """
SELECT coalesce(json_agg(json_build_object('reversal_id', reversal_id, 'attempt_ref', attempt_ref,
    'bank_txn_id', bank_txn_id, 'amount_vnd', amount_vnd, 'occurred_at', occurred_at)
    ORDER BY occurred_at, reversal_id), '[]')
FROM reversals WHERE receipt_key = $1
"""


class _ObligationRow(msgspec.Struct):
    id: str
    order_id: str | None
    attempt_id: str | None


class _LockedDoc(msgspec.Struct):
    seen: bool
    order: Order | None
    lines: list[Line] | None
    face: msgspec.Raw
    receipt_count: int
    applied_at: str | None
    obligations: list[_ObligationRow]
    attempts: list[Attempt]
    held_reversals: int


@dataclass(frozen=True, slots=True)
class Locked:
    """What a lock statement answered. `face` is the unchanging part of the order's public view, as JSON."""

    situation: Situation
    seen: bool = False
    face: bytes = b"null"
    receipt_count: int = 0
    held_reversals: int = 0
    applied_at: str | None = None


_decode_locked = msgspec.json.Decoder(_LockedDoc).decode
_decode_receipts = msgspec.json.Decoder(tuple[Receipt, ...]).decode
_decode_reversals = msgspec.json.Decoder(tuple[ReversalSeen, ...]).decode


async def lock_by_attempt(connection: Connection, *, bank: str, merchant: str, ref: str, digest: bytes) -> Locked:
    """Lock the order an attempt belongs to; `seen` (and nothing locked) if this very message was accepted before."""
    return _locked(await connection.fetchval(_LOCK_BY_ATTEMPT, bank, merchant, ref, digest))


async def lock_by_order(connection: Connection, order_id: str) -> Locked:
    """Lock an order with its obligations and attempts; `situation.order` is None when there is no such order."""
    return _locked(await connection.fetchval(_LOCK_BY_ORDER, order_id))


async def hold_orders(connection: Connection, order_ids: Collection[str]) -> None:
    """Lock several orders with their obligations and attempts, in the order of the money rules, reading nothing."""
    if order_ids:
        await connection.execute(_HOLD_ORDERS, [UUID(order_id) for order_id in order_ids])


async def read_purse(
    connection: Connection, order_id: str | None, *, key: str | None = None, receipt_id: str | None = None
) -> Purse:
    """The receipts of an order, with the one of a receipt key or id wherever it sits; locked, after the order."""
    return Purse(_decode_receipts(await connection.fetchval(_READ_RECEIPTS, order_id, key, receipt_id)))


async def read_held_reversals(connection: Connection, receipt_key: str) -> tuple[ReversalSeen, ...]:
    """Reversals that named a receipt before it came."""
    return _decode_reversals(await connection.fetchval(_HELD_REVERSALS, receipt_key))


async def lock_receipt_key(connection: Connection, receipt_key: str) -> None:
    """Serialise what concerns a receipt without an order: nothing else could be locked yet."""
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 7))", receipt_key)


def _locked(document: str) -> Locked:
    doc = _decode_locked(document)
    lines = doc.lines or []
    obligations = tuple(
        Obligation(
            id=row.id,
            amount_vnd=sum(line.amount_vnd for line in lines if line.obligation_id == row.id),
            lines=tuple(line for line in lines if line.obligation_id == row.id),
            order_id=row.order_id,
            attempt_id=row.attempt_id,
        )
        for row in doc.obligations
    )
    return Locked(
        situation=Situation(order=doc.order, obligations=obligations, attempts=tuple(doc.attempts)),
        seen=doc.seen,
        face=bytes(doc.face),
        receipt_count=doc.receipt_count,
        held_reversals=doc.held_reversals,
        applied_at=doc.applied_at,
    )


@dataclass(slots=True)
class Writes:
    """Everything one transaction writes, as rows of plain values; built by hub/writing.py from a decision."""

    order: dict[str, Any] | None = None
    obligations: list[dict[str, Any]] = field(default_factory=list)
    attempts: list[dict[str, Any]] = field(default_factory=list)
    receipts: list[dict[str, Any]] = field(default_factory=list)
    slices: list[dict[str, Any]] = field(default_factory=list)
    refunds: list[dict[str, Any]] = field(default_factory=list)
    ledger: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    cases: list[dict[str, Any]] = field(default_factory=list)
    evidence: list[dict[str, Any]] = field(default_factory=list)
    aliases: list[dict[str, Any]] = field(default_factory=list)
    reversals: list[dict[str, Any]] = field(default_factory=list)
    message: dict[str, Any] | None = None


# The planner takes a JSON list for 100 rows and would rather scan a table than look them up: ids stand beside it.
_PARTS: Final[Mapping[str, str]] = {
    "order": """ord AS (
        UPDATE orders o SET status = x.status, version = x.version, receipt_count = o.receipt_count + x.born
        FROM w, jsonb_to_record(d->'order') AS x(id uuid, status text, version int, born int)
        WHERE o.id = x.id
    )""",
    "obligations": """obl AS (
        UPDATE obligations o SET order_id = x.order_id, attempt_id = x.attempt_id
        FROM w, jsonb_to_recordset(d->'obligations') AS x(id uuid, order_id uuid, attempt_id uuid)
        WHERE o.id = x.id AND o.id = ANY ($3)
    )""",
    "attempts": """att AS (
        UPDATE attempts a SET status = x.status, last_contact_failed = x.last_contact_failed,
            held_reversals = a.held_reversals + x.held,
            next_enquiry_at = CASE WHEN x.status = 'succeeded' THEN NULL ELSE a.next_enquiry_at END
        FROM w, jsonb_to_recordset(d->'attempts') AS x(id uuid, status text, last_contact_failed boolean, held int)
        WHERE a.id = x.id AND a.id = ANY ($3)
    )""",
    "message": """msg AS (
        INSERT INTO messages (bank, digest, verdict, body)
        SELECT x.bank, decode(x.digest, 'hex'), x.verdict, $2
        FROM w, jsonb_to_record(d->'message') AS x(bank text, digest text, verdict text) WHERE x.bank IS NOT NULL
        ON CONFLICT ON CONSTRAINT messages_pk DO NOTHING
    )""",
    "evidence": """evi AS (
        INSERT INTO evidence (bank, key, kind, authority, attempt_id, body, digest)
        SELECT x.bank, x.key, x.kind, x.authority, x.attempt_id, x.body, decode(x.digest, 'hex')
        FROM w, jsonb_to_recordset(d->'evidence')
            AS x(bank text, key text, kind text, authority smallint, attempt_id uuid, body jsonb, digest text)
        ON CONFLICT ON CONSTRAINT evidence_pk DO NOTHING
    )""",
    "receipts": """rcp AS (
        INSERT INTO receipts AS r (id, key, bank, merchant, bank_txn_id, home, account, order_id, attempt_id,
            amount_vnd, free_vnd, refund_due_vnd, taken_back_vnd, taken_back_by, claim_vnd, dispute_vnd, settled,
            holder, blocked, reason, conflict, received_at, value_date, recoveries)
        SELECT x.id, x.key, x.bank, x.merchant, x.bank_txn_id, x.home, x.account, x.order_id, x.attempt_id,
            x.amount_vnd, x.free_vnd, x.refund_due_vnd, x.taken_back_vnd, x.taken_back_by, x.claim_vnd, x.dispute_vnd,
            x.settled, x.holder, x.blocked, x.reason, x.conflict, x.received_at, x.value_date, x.recoveries
        FROM w, jsonb_to_recordset(d->'receipts') AS x(id uuid, key text, bank text, merchant text, bank_txn_id text,
            home text, account text, order_id uuid, attempt_id uuid, amount_vnd bigint, free_vnd bigint,
            refund_due_vnd bigint, taken_back_vnd bigint, taken_back_by text, claim_vnd bigint, dispute_vnd bigint,
            settled boolean, holder text, blocked text, reason text, conflict boolean, received_at timestamptz,
            value_date date,
            recoveries jsonb)
        ON CONFLICT ON CONSTRAINT receipts_pk DO UPDATE SET account = excluded.account, order_id = excluded.order_id,
            attempt_id = excluded.attempt_id, free_vnd = excluded.free_vnd, refund_due_vnd = excluded.refund_due_vnd,
            taken_back_vnd = excluded.taken_back_vnd, taken_back_by = excluded.taken_back_by,
            claim_vnd = excluded.claim_vnd, dispute_vnd = excluded.dispute_vnd,
            settled = excluded.settled, holder = excluded.holder, blocked = excluded.blocked, reason = excluded.reason,
            conflict = excluded.conflict, recoveries = excluded.recoveries
    )""",
    "aliases": """ali AS (
        INSERT INTO receipt_aliases (observer, alias, receipt_id)
        SELECT x.observer, x.alias, x.receipt_id
        FROM w, jsonb_to_recordset(d->'aliases') AS x(observer text, alias text, receipt_id uuid)
        ON CONFLICT ON CONSTRAINT receipt_aliases_pk DO NOTHING
    )""",
    "slices": """sli AS (
        INSERT INTO slices (receipt_id, order_id, line_no, beneficiary, code, live_vnd, disbursed_vnd)
        SELECT x.receipt_id, x.order_id, x.line_no, x.beneficiary, x.code, x.live_vnd, x.disbursed_vnd
        FROM w, jsonb_to_recordset(d->'slices') AS x(receipt_id uuid, order_id uuid, line_no int, beneficiary text,
            code text, live_vnd bigint, disbursed_vnd bigint)
        ON CONFLICT ON CONSTRAINT slices_pk
            DO UPDATE SET live_vnd = excluded.live_vnd, disbursed_vnd = excluded.disbursed_vnd
    )""",
    "refunds": """rfd AS (
        UPDATE refunds f SET due_vnd = x.due_vnd, status = x.status, line_no = x.line_no, legs = x.legs,
            body_paid_vnd = x.body_paid_vnd, consented = x.consented, route = x.route, void = x.void,
            unknown = x.unknown, seen = x.seen
        FROM w, jsonb_to_recordset(d->'refunds') AS x(id uuid, due_vnd bigint, status text, line_no int, legs jsonb,
            body_paid_vnd bigint, consented boolean, route text, void boolean, unknown boolean, seen jsonb)
        WHERE f.id = x.id AND f.id = ANY ($3)
    )""",
    "reversals": """rev AS (
        INSERT INTO reversals (bank, reversal_id, receipt_key, attempt_ref, bank_txn_id, amount_vnd, occurred_at)
        SELECT x.bank, x.reversal_id, x.receipt_key, x.attempt_ref, x.bank_txn_id, x.amount_vnd, x.occurred_at
        FROM w, jsonb_to_recordset(d->'reversals') AS x(bank text, reversal_id text, receipt_key text,
            attempt_ref text, bank_txn_id text, amount_vnd bigint, occurred_at timestamptz)
        ON CONFLICT ON CONSTRAINT reversals_pk DO NOTHING
    )""",
    "ledger": """led AS (
        INSERT INTO ledger (key, n, rule, account, amount_vnd, receipt_id, refund_id, batch_id, order_id, line_no,
            beneficiary, code, holder, bank, merchant, value_date)
        SELECT x.key, x.n, x.rule, x.account, x.amount_vnd, x.receipt_id, x.refund_id, x.batch_id, x.order_id,
            x.line_no, x.beneficiary, x.code, x.holder, x.bank, x.merchant, x.value_date
        FROM w, jsonb_to_recordset(d->'ledger') AS x(key text, n smallint, rule text, account text, amount_vnd bigint,
            receipt_id uuid, refund_id uuid, batch_id text, order_id uuid, line_no int, beneficiary text, code text,
            holder text, bank text, merchant text, value_date date)
    )""",
    "cases": """cas AS (
        INSERT INTO cases (key, kind, detail, receipt_id, attempt_id, order_id)
        SELECT x.key, x.kind, x.detail, x.receipt_id, x.attempt_id, x.order_id
        FROM w, jsonb_to_recordset(d->'cases') AS x(key text, kind text, detail text, receipt_id uuid, attempt_id uuid,
            order_id uuid)
        ON CONFLICT ON CONSTRAINT cases_pk DO NOTHING
    )""",
    "events": """evt AS (
        INSERT INTO events (id, key, portal_id, order_id, type, body)
        SELECT x.id, x.key, x.portal_id, x.order_id, x.type, convert_to(x.body, 'UTF8')
        FROM w, jsonb_to_recordset(d->'events')
            AS x(id uuid, key text, portal_id text, order_id uuid, type text, body text)
        RETURNING id, portal_id
    ), dlv AS (
        INSERT INTO deliveries (event_id, portal_id) SELECT id, portal_id FROM evt
    )""",
}


@lru_cache(maxsize=256)
def _apply_sql(names: tuple[str, ...]) -> str:
    """One statement of the parts there is something for: a part costs its start even without rows."""
    parts = ",\n    ".join(_PARTS[name] for name in names)
    return f"WITH w AS MATERIALIZED (SELECT $1::jsonb AS d, $2::bytea AS body, $3::uuid[] AS ids),\n    {parts}\nSELECT"


async def apply(connection: Connection, writes: Writes, *, message_body: bytes = b"") -> None:
    """Write one decision. Raises asyncpg.UniqueViolationError by constraint name when it was written before."""
    document = {name: value for name in _PARTS if (value := getattr(writes, name))}
    if not document:
        return
    changed = (*writes.obligations, *writes.attempts, *writes.refunds)
    await connection.execute(
        _apply_sql(tuple(document)),
        msgspec.json.encode(document).decode(),
        message_body,
        [UUID(row["id"]) for row in changed],
    )
