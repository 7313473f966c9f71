"""Read orders: one statement for an order with its money, keyset pages for lists."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec
from asyncpg import Connection

from paygw.kernel.orders import Order
from paygw.kernel.receipts import Purse, Receipt
from paygw.store.situations import RECEIPT_JSON

_ORDER = f"""
SELECT json_build_object(
    'order', json_build_object('id', o.id, 'portal_id', o.portal_id, 'status', o.status,
        'amount_vnd', o.amount_vnd, 'version', o.version, 'expires_at', o.expires_at),
    'face', o.face, 'applied_at', o.applied_at, 'created_at', o.created_at,
    'receipts', CASE WHEN o.receipt_count = 0 THEN '[]' ELSE (
        SELECT coalesce(json_agg({RECEIPT_JSON} ORDER BY r.received_at, r.key), '[]')
        FROM receipts r WHERE r.order_id = o.id) END)
FROM orders o
"""  # noqa: S608 - only constants of this package
_ONE = f"{_ORDER} WHERE o.id = $1 AND ($2::text IS NULL OR o.portal_id = $2)"
_PAGE = f"""{_ORDER}
WHERE o.portal_id = $1
    AND ($2::text IS NULL OR o.reference = $2)
    AND ($3::text IS NULL OR o.id IN (SELECT l.order_id FROM order_lines l
        JOIN obligations b ON b.id = l.obligation_id WHERE b.dossier_code = $3))
    AND ($4::text IS NULL OR o.status = $4)
    AND ($5::timestamptz IS NULL OR o.created_at >= $5)
    AND ($6::timestamptz IS NULL OR o.created_at < $6)
    AND ($7::timestamptz IS NULL OR (o.created_at, o.id) < ($7, $8))
ORDER BY o.created_at DESC, o.id DESC LIMIT $9
"""  # noqa: S608 - only constants of this package
_APPLIED = """
UPDATE orders SET applied_at = coalesce(applied_at, $3)
WHERE id = $1 AND portal_id = $2 AND status = 'paid' RETURNING id
"""
_EXPIRED = """
SELECT o.id FROM orders o
WHERE o.status IN ('open', 'partially_paid') AND o.expires_at <= $1
    AND NOT EXISTS (SELECT FROM attempts a WHERE a.order_id = o.id
        AND (a.last_contact_failed OR a.status IN ('created', 'redirected', 'pending')))
ORDER BY o.expires_at LIMIT $2
"""
_UNAPPLIED = f"""
SELECT json_build_object('booked_at', r.booked_at, 'bank_txn_id', r.bank_txn_id,
    'reference', o.reference, 'portal_id', o.portal_id, 'receipt', {RECEIPT_JSON})
FROM (
    (SELECT id FROM receipts WHERE (free_vnd > 0 OR refund_due_vnd > 0)
        AND ($1::timestamptz IS NULL OR (booked_at, id) > ($1, $2)) ORDER BY booked_at, id LIMIT $3)
    UNION SELECT f.receipt_id FROM refunds f WHERE f.source = 'excess' AND f.status IN ('approved', 'funded', 'sending')
) unapplied JOIN receipts r USING (id) LEFT JOIN orders o ON o.id = r.order_id
WHERE $1::timestamptz IS NULL OR (r.booked_at, r.id) > ($1, $2)
ORDER BY r.booked_at, r.id LIMIT $3
"""  # noqa: S608 - only constants of this package


class OrderRead(msgspec.Struct):
    """An order with its money as it stands. `face` is the unchanging part of the public view, as JSON."""

    order: Order
    face: msgspec.Raw
    applied_at: str | None
    created_at: datetime
    receipts: tuple[Receipt, ...]

    @property
    def purse(self) -> Purse:
        """The receipts counted in this order."""
        return Purse(self.receipts)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFilter:
    """What a list may be narrowed by; `before` is the keyset cursor (created_at, id)."""

    reference: str | None = None
    dossier_code: str | None = None
    status: str | None = None
    created_from: datetime | None = None
    created_to: datetime | None = None
    before: tuple[datetime, str] | None = None


class UnappliedRead(msgspec.Struct):
    """A receipt that holds unapplied money, with its order's reference where there is one."""

    booked_at: datetime
    bank_txn_id: str | None
    reference: str | None
    portal_id: str | None
    receipt: Receipt


_decode_unapplied = msgspec.json.Decoder(UnappliedRead).decode
_decode = msgspec.json.Decoder(OrderRead).decode


async def read_order(connection: Connection, order_id: str, *, portal_id: str | None) -> OrderRead | None:
    """One order, of this portal (None: of any, for the hub itself)."""
    document = await connection.fetchval(_ONE, UUID(order_id), portal_id)
    return _decode(document) if document is not None else None


async def list_orders(connection: Connection, portal_id: str, wanted: OrderFilter, *, limit: int) -> list[OrderRead]:
    """A page of a portal's orders, newest first."""
    before_at, before_id = wanted.before or (None, None)
    rows = await connection.fetch(
        _PAGE,
        *(portal_id, wanted.reference, wanted.dossier_code, wanted.status, wanted.created_from, wanted.created_to),
        *(before_at, UUID(before_id) if before_id else None, limit),
    )
    return [_decode(row[0]) for row in rows]


async def mark_applied(connection: Connection, order_id: str, portal_id: str, at: datetime) -> bool:
    """The portal says it has applied a paid order; the first time counts."""
    return await connection.fetchval(_APPLIED, UUID(order_id), portal_id, at) is not None


async def expired_orders(connection: Connection, now: datetime, *, limit: int) -> list[str]:
    """Live orders past their expiry without an attempt in flight, oldest first."""
    rows = await connection.fetch(_EXPIRED, now, limit)
    return [str(row["id"]) for row in rows]


async def unapplied(connection: Connection, *, after: tuple[datetime, str] | None, limit: int) -> list[UnappliedRead]:
    """Receipts with money that is still the payer's, oldest first."""
    at, receipt_id = after or (None, None)
    rows = await connection.fetch(_UNAPPLIED, at, UUID(receipt_id) if receipt_id else None, limit)
    return [_decode_unapplied(row[0]) for row in rows]
