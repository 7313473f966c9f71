"""What the payer's page reads: one order with everything around it, in one statement and so in one snapshot."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec
from asyncpg import Connection

from paygw.kernel.orders import Attempt, Line, Obligation, Order, Situation
from paygw.kernel.receipts import Purse, Receipt
from paygw.store.situations import RECEIPT_JSON

_CHECKOUT = f"""
SELECT json_build_object(
    'order', json_build_object('id', o.id, 'portal_id', o.portal_id, 'status', o.status,
        'amount_vnd', o.amount_vnd, 'version', o.version, 'expires_at', o.expires_at),
    'lines', o.lines, 'face', o.face, 'quote', o.quote,
    'private', translate(encode(o.private, 'base64'), E'\\n', ''),
    'obligations', (SELECT coalesce(json_agg(json_build_object('id', b.id, 'order_id', b.order_id,
            'attempt_id', b.attempt_id)), '[]')
        FROM obligations b JOIN order_lines l ON l.obligation_id = b.id WHERE l.order_id = o.id),
    'attempts', (SELECT coalesce(json_agg(json_build_object('attempt', json_build_object('id', a.id,
            'order_id', a.order_id, 'bank', a.bank, 'merchant', a.merchant, 'ref', a.ref, 'amount_vnd', a.amount_vnd,
            'status', a.status, 'last_contact_failed', a.last_contact_failed),
            'method', a.method, 'session', a.session, 'expires_at', a.expires_at)
            ORDER BY a.created_at DESC, a.id DESC), '[]')
        FROM attempts a WHERE a.order_id = o.id),
    'transactions', (SELECT coalesce(json_object_agg(r.id, r.bank_txn_id), '{{}}')
        FROM receipts r WHERE r.order_id = o.id AND r.bank_txn_id IS NOT NULL),
    'receipts', (SELECT coalesce(json_agg({RECEIPT_JSON} ORDER BY r.received_at, r.key), '[]')
        FROM receipts r WHERE r.order_id = o.id))
FROM orders o WHERE o.id = $1
"""  # noqa: S608 - only constants of this package


class SessionRead(msgspec.Struct, frozen=True):
    """Where an attempt sent the payer; empty before the bank answered."""

    redirect_url: str = ""
    qr_text: str = ""


class TryRead(msgspec.Struct, frozen=True):
    """An attempt as a payer knows it: through which bank, how, until when, where to go on."""

    attempt: Attempt
    method: Literal["card", "wallet", "transfer", "bill"]
    session: SessionRead
    expires_at: datetime


class CheckoutRead(msgspec.Struct, frozen=True):
    """An order for its payer. `private` is still sealed; `transactions` are the banks' references by receipt id."""

    order: Order
    situation: Situation
    face: dict[str, Any]
    quote: dict[str, Any]
    private: bytes
    tries: tuple[TryRead, ...]
    transactions: dict[str, str]


class _ObligationRow(msgspec.Struct):
    id: str
    order_id: str | None
    attempt_id: str | None


class _Document(msgspec.Struct):
    order: Order
    lines: tuple[Line, ...]
    face: dict[str, Any]
    quote: dict[str, Any]
    private: bytes
    obligations: list[_ObligationRow]
    attempts: tuple[TryRead, ...]
    transactions: dict[str, str]
    receipts: tuple[Receipt, ...]


_decode = msgspec.json.Decoder(_Document).decode


async def read_checkout(connection: Connection, order_id: str) -> CheckoutRead | None:
    """The order, unlocked: for display. Tries come newest first."""
    document = await connection.fetchval(_CHECKOUT, UUID(order_id))
    if document is None:
        return None
    found = _decode(document)
    return CheckoutRead(
        order=found.order,
        situation=Situation(
            order=found.order,
            obligations=tuple(_obligation(row, found.lines) for row in found.obligations),
            attempts=tuple(item.attempt for item in found.attempts),
            purse=Purse(found.receipts),
        ),
        face=found.face,
        quote=found.quote,
        private=found.private,
        tries=found.attempts,
        transactions=found.transactions,
    )


def _obligation(row: _ObligationRow, lines: tuple[Line, ...]) -> Obligation:
    own = tuple(line for line in lines if line.obligation_id == row.id)
    return Obligation(
        id=row.id,
        amount_vnd=sum(line.amount_vnd for line in own),
        lines=own,
        order_id=row.order_id,
        attempt_id=row.attempt_id,
    )
