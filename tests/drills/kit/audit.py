"""The outside auditor: the banks' word on disk, what the portal wrote down, and the hub's database, read only.

Shares no code with the hub: it knows the schema and the money rules, and says in sentences what does not agree.
"""

import json
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import asyncpg

from paygw.store.dsn import Dsn
from tests.drills.kit.portal import Delivery

Row = Mapping[str, Any]

# Each statement lists what breaks a rule; it must list nothing.
_RULES = {
    "a posting is off balance": "SELECT key FROM ledger GROUP BY key HAVING sum(amount_vnd) <> 0",
    "the ledger as a whole is off balance": "SELECT s FROM (SELECT sum(amount_vnd) s FROM ledger) t WHERE s <> 0",
    "clearing differs from the receipts of a bank": """
        SELECT bank, booked, received FROM (
            SELECT bank, sum(amount_vnd) AS booked FROM ledger WHERE account LIKE 'H:%' GROUP BY bank) l
        FULL JOIN (SELECT bank, sum(amount_vnd - taken_back_vnd) AS received FROM receipts GROUP BY bank) r USING (bank)
        WHERE booked IS DISTINCT FROM received""",
    "a receipt is not free + due + live + taken back": """
        SELECT r.key FROM receipts r
        LEFT JOIN (SELECT receipt_id, sum(live_vnd) AS live FROM slices GROUP BY 1) s ON s.receipt_id = r.id
        WHERE r.amount_vnd <> r.free_vnd + r.refund_due_vnd + coalesce(s.live, 0) + r.taken_back_vnd - r.claim_vnd""",
    "unapplied money in the ledger is not that of the receipts": """
        SELECT r.key FROM receipts r LEFT JOIN (
            SELECT receipt_id, -sum(amount_vnd) AS held FROM ledger WHERE account LIKE 'U:%' GROUP BY 1) l
        ON l.receipt_id = r.id WHERE coalesce(l.held, 0) <> r.free_vnd + r.refund_due_vnd""",
    "an order's status is not what its money says": """
        SELECT o.id, o.status, o.amount_vnd, coalesce(s.live, 0) FROM orders o
        LEFT JOIN (SELECT order_id, sum(live_vnd) AS live FROM slices GROUP BY 1) s ON s.order_id = o.id
        LEFT JOIN (SELECT order_id, sum(taken_back_vnd) AS back FROM receipts GROUP BY 1) r ON r.order_id = o.id
        WHERE coalesce(s.live, 0) > o.amount_vnd OR (o.status <> 'paid' AND coalesce(s.live, 0) = o.amount_vnd)
        OR (o.status = 'paid' AND coalesce(s.live, 0) <> o.amount_vnd AND coalesce(r.back, 0) = 0)""",
    "an obligation has two live allocations": """
        SELECT line->>'obligation_id' FROM slices s JOIN orders o ON o.id = s.order_id
        CROSS JOIN LATERAL jsonb_array_elements(o.lines) AS line
        WHERE s.live_vnd > 0 AND (line->>'no')::int = s.line_no
        GROUP BY 1 HAVING count(DISTINCT s.order_id) > 1""",
    "an obligation does not know who paid it": """
        SELECT b.id FROM slices s JOIN orders o ON o.id = s.order_id
        CROSS JOIN LATERAL jsonb_array_elements(o.lines) AS line
        JOIN obligations b ON b.id = (line->>'obligation_id')::uuid
        WHERE s.live_vnd > 0 AND (line->>'no')::int = s.line_no AND b.order_id IS DISTINCT FROM s.order_id""",
    "a paid order has not exactly one event that says so": """
        SELECT o.id FROM orders o LEFT JOIN events e ON e.order_id = o.id AND e.type = 'order.paid'
        GROUP BY o.id, o.status HAVING count(e.id) <> (o.status = 'paid')::int""",
    "two events tell one fact": "SELECT key FROM events GROUP BY key HAVING count(*) > 1",
    "an event has no delivery": "SELECT e.id FROM events e LEFT JOIN deliveries d ON d.event_id = e.id WHERE d IS NULL",
    "an order has no key, or a key no order": """
        SELECT o.id FROM orders o FULL JOIN (
            SELECT convert_from(answer, 'UTF8')::jsonb->>'id' AS id FROM idempotency WHERE status = 201) k
        ON k.id = o.face->>'id' WHERE o.id IS NULL OR k.id IS NULL""",
}


@dataclass(slots=True)
class Findings:
    """What does not agree, and how much was looked at."""

    differences: list[str] = field(default_factory=list)
    counted: dict[str, int] = field(default_factory=dict)

    def note(self, kind: str, found: Iterable[object]) -> None:
        """Each thing found is a difference."""
        self.differences += [f"{kind}: {item}" for item in found]


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A create the hub confirmed to the portal: what it said, and under which key."""

    key: str
    reference: str
    body: bytes


def read_truth(file: Path) -> list[dict[str, Any]]:
    """The bank's facts; a torn last line was never told to anybody."""
    raw = file.read_bytes() if file.exists() else b""
    return [json.loads(line) for line in raw[: raw.rfind(b"\n") + 1].splitlines()]


@asynccontextmanager
async def read_only(dsn: Dsn) -> AsyncIterator[asyncpg.Connection]:
    """A way in that can change nothing."""
    settings = {"default_transaction_read_only": "on"}
    connection = await asyncpg.connect(**dsn.connect_args(), server_settings=settings)
    try:
        yield connection
    finally:
        await connection.close()


async def audit(
    dsn: Dsn,
    *,
    truth: Mapping[str, Iterable[Row]] = MappingProxyType({}),
    acknowledged: Iterable[Acknowledged] = (),
    heard: Iterable[Delivery] = (),
) -> Findings:
    """Compare everything with everything."""
    findings = Findings()
    async with read_only(dsn) as connection:
        for rule, statement in _RULES.items():
            findings.note(rule, [tuple(row) for row in await connection.fetch(statement)])
        await _compare_banks(connection, {bank: list(facts) for bank, facts in truth.items()}, findings)
        await _compare_creates(connection, list(acknowledged), findings)
        await _compare_callbacks(connection, list(heard), findings)
    return findings


async def _compare_banks(connection: asyncpg.Connection, truth: dict[str, list[Row]], findings: Findings) -> None:
    """INV-1: each payment and each reversal of each bank once, and nothing that no bank did."""
    moved = Counter(_moves(truth, "payment", "bank_txn_id"))
    rows = await connection.fetch("SELECT bank, bank_txn_id, amount_vnd FROM receipts")
    booked = Counter(tuple(row) for row in rows)
    findings.note("the bank moved money the hub does not know", (moved - booked).elements())
    findings.note("the hub booked money the bank did not move", (booked - moved).elements())
    back = Counter(_moves(truth, "reversal", "reversal_id"))
    rows = await connection.fetch("SELECT bank, reversal_id, amount_vnd FROM reversals")
    taken = Counter(tuple(row) for row in rows)
    findings.note("the bank took money back and the hub does not know", (back - taken).elements())
    findings.note("the hub took money back that the bank did not", (taken - back).elements())
    findings.counted |= {"bank_payments": moved.total(), "receipts": booked.total(), "reversals": taken.total()}


def _moves(truth: dict[str, list[Row]], kind: str, name: str) -> Iterator[tuple[str, str, int]]:
    for bank, facts in truth.items():
        yield from ((bank, fact[name], fact["amount_vnd"]) for fact in facts if fact["kind"] == kind)


async def _compare_creates(
    connection: asyncpg.Connection, acknowledged: list[Acknowledged], findings: Findings
) -> None:
    """INV-2 and INV-4: what was confirmed is there, in the very bytes that were confirmed."""
    stored = {row["key"]: row["answer"] for row in await connection.fetch("SELECT key, answer FROM idempotency")}
    findings.note(
        "a confirmed create is not there, or with another answer",
        [one.reference for one in acknowledged if stored.get(one.key) != one.body],
    )
    rows = await connection.fetch("SELECT reference, face->>'id' AS id, status FROM orders")
    known = {row["reference"]: row["id"] for row in rows}
    findings.note(
        "a confirmed order is not there",
        [one.reference for one in acknowledged if known.get(one.reference) != json.loads(one.body)["id"]],
    )
    findings.counted |= {"acknowledged": len(acknowledged), "orders": len(rows)}
    findings.counted |= {f"orders_{status}": n for status, n in Counter(row["status"] for row in rows).items()}


async def _compare_callbacks(connection: asyncpg.Connection, heard: list[Delivery], findings: Findings) -> None:
    """INV-10: one id and one body per fact; delivered means that the portal has it."""
    rows = await connection.fetch("SELECT e.body, d.status FROM events e JOIN deliveries d ON d.event_id = e.id")
    sent = {json.loads(row["body"])["data"]["event_id"]: (bytes(row["body"]), row["status"]) for row in rows}
    taken = {one.id for one in heard if one.accepted}
    findings.note("a callback tells what is no event", {one.id for one in heard} - sent.keys())
    findings.note(
        "one callback came with two bodies", [one.id for one in heard if one.id in sent and sent[one.id][0] != one.body]
    )
    findings.note(
        "delivered, says the hub, and the portal has it not",
        [name for name, (_, status) in sent.items() if status == "delivered" and name not in taken],
    )
    findings.counted |= {"events": len(sent), "callbacks_heard": len(heard)}
    findings.counted |= {f"deliveries_{name}": n for name, n in Counter(status for _, status in sent.values()).items()}
