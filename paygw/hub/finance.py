"""What finance reads: totals and entries of the ledger, all unapplied money."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from datetime import datetime
from typing import Any

from paygw.hub.hub import Hub
from paygw.hub.views import instant, unapplied_vnd
from paygw.kernel.errors import Refused
from paygw.kernel.refs import public_id
from paygw.store.cursor import BEGINNING, Cursor, read_cursor, write_cursor
from paygw.store.ledger import entries_after, trial_balance
from paygw.store.orders import UnappliedRead, unapplied

View = dict[str, Any]
_ENTRY_COLUMNS = (
    "key", "n", "rule", "account", "amount_vnd", "line_no", "beneficiary", "code", "holder", "bank", "merchant",
    "budget_year", "batch_id",
)  # fmt: skip


def cursor_of(hub: Hub, text: str | None) -> Cursor:
    """The place a cursor stands for; the beginning without one. Raises Refused `bad_cursor`."""
    cursor = BEGINNING if text is None else read_cursor(text, hub.registry.restores)
    if cursor is None:
        raise Refused("bad_cursor", "Use the `next` of the page before as it is.")
    return cursor


async def show_trial_balance(hub: Hub) -> View:
    """Every account in one snapshot."""
    async with hub.pool.acquire() as connection:
        as_of, totals = await trial_balance(connection)
    accounts = [
        {"account": total.account, "debit_vnd": total.debit_vnd, "credit_vnd": total.credit_vnd} for total in totals
    ]
    return {"as_of": instant(as_of or hub.clock()), "accounts": accounts}


async def list_entries(hub: Hub, after: str | None, *, limit: int) -> View:
    """Entries in the order of their transactions; a late commit is never skipped."""
    async with hub.pool.acquire() as connection:
        page = await entries_after(connection, cursor_of(hub, after), limit)
    items = [
        {name: row[name] for name in _ENTRY_COLUMNS}
        | {
            "receipt_id": public_id("rcp", str(row["receipt_id"])) if row["receipt_id"] else None,
            "refund_id": public_id("rfd", str(row["refund_id"])) if row["refund_id"] else None,
            "order_id": public_id("ord", str(row["order_id"])) if row["order_id"] else None,
            "value_date": row["value_date"].isoformat(),
            "booked_at": instant(row["booked_at"]),
        }
        for row in page.rows
    ]
    return {"items": items, "next": write_cursor(page.after, hub.registry.restores)}


async def list_unapplied(hub: Hub, after: str | None, *, limit: int) -> View:
    """All money that is still the payer's, oldest first."""
    place = _place(after) if after is not None else None
    async with hub.pool.acquire() as connection:
        found = await unapplied(connection, after=place, limit=limit + 1)
    page = found[:limit]
    more = len(found) > limit
    return {"items": [_unapplied(read) for read in page], "next": _cursor(page[-1]) if more else None}


def _unapplied(read: UnappliedRead) -> View:
    receipt = read.receipt
    return {
        "id": public_id("rcp", receipt.id),
        "bank": receipt.bank,
        "bank_txn_id": read.bank_txn_id,
        "amount_vnd": unapplied_vnd(receipt),
        "reason": receipt.reason or ("conflict" if receipt.conflict else "refund_due"),
        "order_id": public_id("ord", receipt.order_id) if receipt.order_id else None,
        "reference": read.reference,
        "received_at": instant(receipt.received_at),
    }


def _cursor(read: UnappliedRead) -> str:
    return urlsafe_b64encode(f"{read.booked_at.isoformat()}|{read.receipt.id}".encode()).rstrip(b"=").decode()


def _place(text: str) -> tuple[datetime, str]:
    try:
        at, receipt_id = urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii").split("|")
        return datetime.fromisoformat(at), receipt_id
    except (Base64Error, ValueError, UnicodeDecodeError):
        raise Refused("bad_cursor", "Use the `next` of the page before as it is.") from None
