"""What is waiting and what is out of balance, counted when a monitor asks: a handful of indexed statements."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

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
_BREAKS = """
SELECT bank, kind, CASE WHEN d <= 1 THEN '0-1' WHEN d <= 3 THEN '2-3' WHEN d <= 7 THEN '4-7' WHEN d <= 30 THEN '8-30'
    ELSE '>30' END AS age, count(*) AS open, sum(risk_vnd)::float8 AS vnd
  FROM (SELECT bank, kind, risk_vnd, extract(day FROM now() - opened_at)::int AS d FROM breaks
         WHERE status <> 'resolved') b
 GROUP BY 1, 2, 3
"""
_UNDONE = """
SELECT b.bank, count(*) AS undone FROM break_notes n JOIN breaks b ON b.id = n.break_id WHERE n.action = 'reopened'
 GROUP BY b.bank
"""
_NIGHTS = """
SELECT n.bank, count(*) FILTER (WHERE n.status = 'waiting') AS late,
    extract(epoch FROM max(n.ended_at))::float8 AS succeeded,
    (SELECT (s.result->>'matched')::float8 / nullif((s.result->>'lines')::float8, 0) FROM night_steps s
      JOIN nights x ON x.id = s.night_id WHERE x.bank = n.bank AND s.step = 'match'
      ORDER BY s.at DESC LIMIT 1) AS first_pass
  FROM nights n GROUP BY n.bank
"""
_CLASSES = """
SELECT split_part(account, ':', 1) AS class, sum(vnd)::float8 AS vnd FROM (
    SELECT account, debit_vnd - credit_vnd AS vnd FROM ledger_rollup
    UNION ALL
    SELECT l.account, l.amount_vnd FROM ledger l, ledger_rollup_mark m WHERE (l.xid, l.seq) > (m.xid, m.seq)
) e WHERE split_part(account, ':', 1) IN ('U', 'RP', 'RB', 'DUE', 'CLAIM', 'UBD', 'CH', 'DT', 'PRET') GROUP BY 1
"""
_OLDEST = """
SELECT 'U' AS class, extract(epoch FROM now() - min(booked_at))::float8 AS s FROM receipts
 WHERE free_vnd > 0 OR refund_due_vnd > 0
UNION ALL
SELECT 'RP', extract(epoch FROM now() - min(created_at))::float8 FROM refunds
 WHERE status IN ('approved', 'funded', 'sending')
UNION ALL
SELECT 'DT', extract(epoch FROM now() - min(created_at))::float8 FROM disbursements WHERE status = 'sent'
"""
# What a bank's circuits did not say anew for an hour is gone from the table, and with it from here.
_CIRCUITS = """
SELECT bank, (coalesce(max(open_until) > now(), false))::int AS open FROM bank_health GROUP BY bank ORDER BY bank
"""
_OVERDUE = """
SELECT bank, kind, count(*) AS open FROM breaks WHERE status <> 'resolved' AND due_on < $1 GROUP BY bank, kind
"""
_OLDEST_UNAPPLIED = """
SELECT bank, min(booked_at) AS since FROM receipts WHERE free_vnd > 0 OR refund_due_vnd > 0 GROUP BY bank
"""
_HELD = """
SELECT coalesce(extract(epoch FROM now())::float8 - min(era), 0) FROM restores WHERE released_at IS NULL
"""
_RULES = "SELECT bank, rule, moved_vnd::float8 AS vnd FROM ledger_rules ORDER BY bank, rule"
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
        Gauge("paygw_restore_held_seconds", {}, float(await connection.fetchval(_HELD))),
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
    for row in await connection.fetch(_CIRCUITS):
        found.append(Gauge("paygw_bank_circuit_open", {"bank": row["bank"]}, row["open"]))
    for row in await connection.fetch(_RULES):
        found.append(Gauge("paygw_ledger_vnd_total", {"bank": row["bank"], "rule": row["rule"]}, row["vnd"]))
    return found + await _night_gauges(connection)


async def overdue_breaks(connection: Connection, today: date) -> list[Gauge]:
    """Open breaks whose clock of working days ended before today, by bank and kind."""
    return [
        Gauge("paygw_recon_breaks_overdue", {"bank": row["bank"], "kind": row["kind"]}, row["open"])
        for row in await connection.fetch(_OVERDUE, today)
    ]


async def oldest_unapplied(connection: Connection) -> dict[str, datetime]:
    """Since when each bank's oldest unapplied money waits."""
    return {row["bank"]: row["since"] for row in await connection.fetch(_OLDEST_UNAPPLIED)}


async def _night_gauges(connection: Connection) -> list[Gauge]:
    """Breaks by kind and age, nights, and the money that waits: docs/money.md section 8."""
    found: list[Gauge] = []
    risks: dict[tuple[str, str], float] = {}
    for row in await connection.fetch(_BREAKS):
        labels = {"bank": row["bank"], "kind": row["kind"]}
        found.append(Gauge("paygw_recon_breaks", {**labels, "age": row["age"]}, row["open"]))
        risks[row["bank"], row["kind"]] = risks.get((row["bank"], row["kind"]), 0) + row["vnd"]
    found += [Gauge("paygw_recon_risk_vnd", {"bank": bank, "kind": kind}, vnd) for (bank, kind), vnd in risks.items()]
    for row in await connection.fetch(_UNDONE):
        found.append(Gauge("paygw_recon_undone", {"bank": row["bank"]}, row["undone"]))
    for row in await connection.fetch(_NIGHTS):
        bank = {"bank": row["bank"]}
        found.append(Gauge("paygw_recon_late_files", bank, row["late"]))
        if row["succeeded"] is not None:
            found.append(Gauge("paygw_recon_last_success_timestamp", bank, row["succeeded"]))
        if row["first_pass"] is not None:
            found.append(Gauge("paygw_recon_first_pass_ratio", bank, row["first_pass"]))
    for row in await connection.fetch(_CLASSES):
        found.append(Gauge("paygw_position_vnd", {"class": row["class"]}, row["vnd"]))
    for row in await connection.fetch(_OLDEST):
        if row["s"] is not None:
            found.append(Gauge("paygw_position_oldest_seconds", {"class": row["class"]}, row["s"]))
    return found


def _pair(first: str, one: float, second: str, two: float, **labels: str) -> Iterator[Gauge]:
    yield Gauge(f"paygw_{first}", labels, one)
    yield Gauge(f"paygw_{second}", labels, two)
