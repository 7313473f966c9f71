"""What a line of a bank's file says, as evidence."""

from asyncpg import Connection

from paygw.kernel.evidence import PaymentSeen, RefundNewsStatus, RefundSeen, ReversalSeen
from paygw.store.nights import LineRead, reversal_of


async def line_evidence(connection: Connection, line: LineRead) -> PaymentSeen | RefundSeen | ReversalSeen:
    """The evidence of a line. A reversal is the one that was told under its own id, if one was."""
    if line.movement == "payment":
        return PaymentSeen(
            attempt_ref=line.ref or None,
            bank_txn_id=line.bank_txn_id,
            amount_vnd=line.amount_vnd,
            occurred_at=line.occurred_at,
            account=line.account,
            memo=line.memo,
        )
    if line.movement == "reversal":
        known = await reversal_of(connection, line.bank, line.bank_txn_id, line.ref)
        return ReversalSeen(
            reversal_id=known or f"file:{line.bank_txn_id}",
            attempt_ref=line.ref or None,
            bank_txn_id=line.bank_txn_id,
            amount_vnd=line.amount_vnd,
            occurred_at=line.occurred_at,
        )
    return RefundSeen(
        refund_ref=line.ref,
        status=RefundNewsStatus.RETURNED if line.status == "reversed" else RefundNewsStatus.SUCCEEDED,
        amount_vnd=line.amount_vnd,
        occurred_at=line.occurred_at,
        bank_txn_id=line.bank_txn_id,
    )
