"""What the outside sees of an order: the unchanging face frozen at creation, and the figures of the moment."""

from datetime import UTC, datetime
from typing import Any

from paygw.kernel.orders import Order, Situation
from paygw.kernel.receipts import LEFT, UNSENT, Purse, Receipt, Refund, RefundStatus
from paygw.kernel.refs import pay_token, public_id

_IN_PROGRESS = UNSENT | {RefundStatus.SENDING}


def instant(at: datetime) -> str:
    """RFC 3339 in UTC with milliseconds, as on the wire."""
    return f"{at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


def paid_vnd(receipt: Receipt) -> int:
    """Allocated and neither refunded nor taken back; a refund under way still counts where it came from."""
    return receipt.live_vnd + _under_way_vnd(receipt, "component")


def unapplied_vnd(receipt: Receipt) -> int:
    """The payer's: free, due for refund, or on its way back from there."""
    return receipt.unapplied_vnd + _under_way_vnd(receipt, "excess")


def refunded_vnd(receipt: Receipt) -> int:
    """What has reached the citizen."""
    sent = sum(refund.amount_vnd for refund in receipt.refunds if refund.status is RefundStatus.SUCCEEDED)
    by_body = sum(
        refund.body_paid_vnd
        for refund in receipt.refunds
        if refund.status in {RefundStatus.FAILED, RefundStatus.RETURNED}
    )
    return sent + by_body


def _under_way_vnd(receipt: Receipt, source: str) -> int:
    return sum(
        refund.amount_vnd for refund in receipt.refunds if refund.source == source and refund.status in _IN_PROGRESS
    )


def labels(purse: Purse) -> list[str]:
    """What became of the money: computed, never stored."""
    receipts = purse.receipts
    slices = [piece for receipt in receipts for piece in receipt.slices]
    refunded = [refund for refund in purse.refunds if refund.status in LEFT and refund.status is RefundStatus.SUCCEEDED]
    live_vnd = sum(piece.live_vnd for piece in slices)
    found = {
        "refunded": bool(refunded) and live_vnd == 0 and purse.unapplied_vnd == 0,
        "partly_refunded": bool(refunded) and (live_vnd > 0 or purse.unapplied_vnd > 0),
        "reversed": any(receipt.taken_back_vnd for receipt in receipts),
        "disputed": any(receipt.dispute_vnd for receipt in receipts),
        "settled": bool(receipts) and all(receipt.settled for receipt in receipts),
        "disbursed": live_vnd > 0 and all(piece.undisbursed_vnd == 0 for piece in slices),
    }
    return [name for name, holds in found.items() if holds]


def order_view(
    face: dict[str, Any], order: Order, purse: Purse, *, origin: str, token_key: bytes, applied_at: str | None
) -> dict[str, Any]:
    """The public order: contract names, đồng, RFC 3339."""
    return {
        **face,
        "status": order.status.value,
        "version": order.version,
        "paid_vnd": sum(map(paid_vnd, purse.receipts)),
        "unapplied_vnd": sum(map(unapplied_vnd, purse.receipts)),
        "refunded_vnd": sum(map(refunded_vnd, purse.receipts)),
        "labels": labels(purse) if purse.receipts else [],
        "pay_url": f"{origin}/pay/{pay_token(token_key, order.id)}",
        "applied_at": applied_at,
    }


def refund_view(refund: Refund, *, reason: str | None = None) -> dict[str, Any]:
    """A refund as portals see it."""
    view = {
        "id": public_id("rfd", refund.id),
        "source": refund.source,
        "line_no": refund.line_no,
        "amount_vnd": refund.amount_vnd,
        "status": refund.status.value,
        "unknown": refund.unknown,
    }
    return view if reason is None else {**view, "reason": reason}


def money_view(receipt: Receipt, bank_txn_id: str | None) -> dict[str, Any]:
    """A receipt in a callback about unapplied money."""
    return {
        "bank": receipt.bank,
        "bank_txn_id": bank_txn_id,
        "amount_vnd": receipt.amount_vnd,
        "unapplied_vnd": receipt.unapplied_vnd,
        "reason": receipt.reason,
        "received_at": instant(receipt.received_at),
    }


def attempt_in_flight(situation: Situation) -> bool:
    """Whether cash may still come of something already begun."""
    return any(attempt.in_flight for attempt in situation.attempts)
