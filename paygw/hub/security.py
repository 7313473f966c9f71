"""Security events: refused keys, bad signatures, approvals, exports, changes of who is who. Logged and audited."""

import logging

import msgspec

from paygw.hub.hub import Hub
from paygw.store.audit import AuditRow, add_audit

_log = logging.getLogger("paygw.security")


async def record(hub: Hub, *, principal: str, action: str, subject: str, **detail: str | int) -> None:
    """Log one event and keep it in the audit trail. `detail` holds no secret and no personal data."""
    _log.warning(action, extra={"principal": principal, "outcome": str(detail.get("kind", "")), "code": subject})
    row = AuditRow(principal=principal, action=action, subject=subject, detail=msgspec.json.encode(detail).decode())
    await hub.transact(lambda connection: add_audit(connection, row))
