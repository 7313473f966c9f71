"""What is waiting and what is out of balance, counted when a monitor asks: a handful of indexed statements."""

from collections.abc import Iterator
from dataclasses import dataclass

from asyncpg import Connection

# Ages are of the fact, not of the last try: a callback that is retried does not grow young.
_OUTBOX = """
SELECT d.portal_id, count(*) AS pending, extract(epoch FROM now() - min(e.created_at))::float8 AS oldest_s
  FROM deliveries d JOIN events e ON e.id = d.event_id WHERE d.status = 'pending' GROUP BY d.portal_id
"""
_DEAD = "SELECT portal_id, count(*) AS dead FROM deliveries WHERE status = 'dead' GROUP BY portal_id"
_UNKNOWN = """
SELECT bank, count(*) AS unknown, extract(epoch FROM now() - min(created_at))::float8 AS oldest_s
  FROM attempts WHERE last_contact_failed AND next_enquiry_at IS NOT NULL GROUP BY bank
"""
_UNAPPLIED = """
SELECT bank, reason, count(*) AS open, sum(free_vnd + refund_due_vnd)::float8 AS vnd
  FROM receipts WHERE free_vnd > 0 OR refund_due_vnd > 0 GROUP BY bank, reason
"""
_IMBALANCE = """
SELECT (SELECT coalesce(sum(debit_vnd - credit_vnd), 0) FROM ledger_rollup)
     + (SELECT coalesce(sum(l.amount_vnd), 0) FROM ledger l, ledger_rollup_mark m WHERE (l.xid, l.seq) > (m.xid, m.seq))
"""
_AUDIT_HEAD = "SELECT upto_seq FROM seals WHERE chain = 'audit' ORDER BY no DESC LIMIT 1"


@dataclass(frozen=True, slots=True)
class Gauge:
    """One value under the name and labels of the metrics table."""

    name: str
    labels: dict[str, str]
    value: float


async def read_gauges(connection: Connection) -> list[Gauge]:
    """Every gauge the database knows of."""
    found = [
        Gauge("paygw_ledger_imbalance_vnd", {}, float(await connection.fetchval(_IMBALANCE))),
        Gauge("paygw_audit_head_sequence", {}, float(await connection.fetchval(_AUDIT_HEAD) or 0)),
    ]
    for row in await connection.fetch(_OUTBOX):
        found += _pair(
            "outbox_pending", row["pending"], "outbox_oldest_seconds", row["oldest_s"], portal=row["portal_id"]
        )
    for row in await connection.fetch(_DEAD):
        found.append(Gauge("paygw_outbox_dead", {"portal": row["portal_id"]}, row["dead"]))
    for row in await connection.fetch(_UNKNOWN):
        found += _pair("attempts_unknown", row["unknown"], "unknown_oldest_seconds", row["oldest_s"], bank=row["bank"])
    for row in await connection.fetch(_UNAPPLIED):
        found += _pair(
            "unapplied_open", row["open"], "unapplied_vnd", row["vnd"], bank=row["bank"], reason=row["reason"]
        )
    return found


def _pair(first: str, one: float, second: str, two: float, **labels: str) -> Iterator[Gauge]:
    yield Gauge(f"paygw_{first}", labels, one)
    yield Gauge(f"paygw_{second}", labels, two)
