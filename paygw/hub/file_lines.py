"""What a night read, line by line, and what a line says as evidence."""

from dataclasses import dataclass
from datetime import date

from asyncpg import Connection

from paygw.hub.filed import memo_place
from paygw.hub.hub import Hub
from paygw.kernel.evidence import PaymentSeen, RefundNewsStatus, RefundSeen, ReversalSeen
from paygw.store import nights as store
from paygw.store.nights import LineRead, reversal_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The lines of a kind of file as a night read them; `number` is 1, and more when other statements came later."""

    number: int = 0
    lines: tuple[LineRead, ...] = ()


def line_id(line: LineRead) -> str:
    """What tells a line of a statement from every other: the bank's reference, else its place in the day."""
    return line.bank_txn_id or f"{line.day}:{line.no}"


async def find_line(
    hub: Hub, connection: Connection, *, bank: str, day: date, bank_txn_id: str, ref: str
) -> LineRead | None:
    """A line a night read, by the bank's reference; the settlement's before the statement's."""
    row = await store.find_line(connection, bank, day, bank_txn_id, ref)
    if row is None:
        return None
    place = memo_place(row["file_id"], row["no"])
    memo = hub.vault.open(row["memo"], where=place).decode() if row["memo"] is not None else ""
    return LineRead(**{**{name: row[name] for name in LineRead.__struct_fields__}, "memo": memo})


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
