"""The audit trail: who did what to what. Rows are added, never changed; a job seals them into a chain."""

from dataclasses import dataclass

from asyncpg import Connection
from sqlalchemy import insert

from paygw.store.query import Query
from paygw.store.tables import audit

_ADD = Query(insert(audit).values(dict.fromkeys(("principal", "action", "subject", "detail"))))


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRow:
    """One entry. `detail` is a JSON object as text, without secrets and personal data."""

    principal: str
    action: str
    subject: str
    detail: str = "{}"


async def add_audit(connection: Connection, row: AuditRow) -> None:
    """Append one entry in the transaction of what it tells of."""
    await _ADD.run(connection, principal=row.principal, action=row.action, subject=row.subject, detail=row.detail)
