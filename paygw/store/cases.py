"""Cases: what a person must look at. Opened once per key, closed by two persons."""

from datetime import datetime
from uuid import UUID

from asyncpg import Connection, Record
from sqlalchemy import bindparam, update
from sqlalchemy.dialects.postgresql import insert

from paygw.store.query import Query
from paygw.store.tables import cases

_OPEN = Query(
    insert(cases)
    .values(
        key=bindparam("key"),
        kind=bindparam("kind"),
        detail=bindparam("detail"),
        receipt_id=bindparam("receipt_id"),
        status="open",
    )
    .on_conflict_do_nothing(constraint="cases_pk")
)
_CLOSE = Query(
    update(cases)
    .where(cases.c.key == bindparam("case"), cases.c.status == "open")
    .values(status="closed", closed_at=bindparam("at"))
)


async def open_case(connection: Connection, *, key: str, kind: str, detail: str, receipt_id: str | None = None) -> None:
    """Open a case unless it was opened before."""
    receipt = UUID(receipt_id) if receipt_id else None
    await _OPEN.run(connection, key=key, kind=kind, detail=detail, receipt_id=receipt)


async def list_cases(connection: Connection, status: str | None, limit: int) -> list[Record]:
    """Cases, the oldest first; all of them, or those in a state."""
    rows: list[Record] = await connection.fetch(
        "SELECT key, kind, detail, receipt_id, owner, status, opened_at, closed_at FROM cases "
        "WHERE $1::text IS NULL OR status = $1 ORDER BY opened_at, key LIMIT $2",
        status, limit,
    )  # fmt: skip
    return rows


async def close_case(connection: Connection, key: str, *, at: datetime) -> bool:
    """Close an open case; False when there is none."""
    return await _CLOSE.run(connection, case=key, at=at) == 1
