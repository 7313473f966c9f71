"""Disputes told on paper: two persons enter what the bank wrote; news over the wire goes straight to credit."""

from asyncpg import Connection

from paygw.hub.credit import Message, credit_item
from paygw.hub.hub import Hub
from paygw.hub.moving import bank_scene
from paygw.hub.persons import TwoPersons, decided_by_two
from paygw.hub.registry import Bank
from paygw.kernel.connector import Verdict
from paygw.kernel.errors import Refused
from paygw.kernel.evidence import Authority, DisputeSeen


async def report_dispute(hub: Hub, bank: Bank, seen: DisputeSeen, *, persons: TwoPersons) -> Verdict:
    """Rows 12 to 14 from the bank's letter. Raises Refused `receipt_not_disputable` where a bank knows no disputes."""
    if not bank.connector.disputes:
        raise Refused("receipt_not_disputable", "Payments through this bank know no disputes.")

    async def work(connection: Connection) -> Verdict:
        await decided_by_two(connection, persons, "dispute.report", f"{bank.id}:{seen.dispute_id}")
        return await credit_item(hub, connection, seen, bank_scene(hub, bank, Authority.QUERY), message=Message())

    return await hub.transact(work)
