"""Bad states, made for real in a test's database or process, by the alert that must see each of them."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

import asyncpg

from paygw.hub import payees
from paygw.hub.breaks import Found, close_gone, keep_breaks
from paygw.hub.hub import Hub
from paygw.hub.measuring import measure_clearing, measure_remittance, verify_audit
from paygw.hub.sealing import seal
from paygw.kernel.pulse import Tally
from paygw.store.banks import tell_health
from paygw.store.health import beat
from paygw.store.measures import put_measure
from paygw.store.payouts import Payee
from paygw.web.ops import Serving
from tests.db_fixtures import Database
from tests.hub.world import BOTH, ordered, paid, redirected, staffed

DAY: Final = date(2026, 11, 23)


def now() -> datetime:
    """The clock of the database's machine."""
    return datetime.now(UTC)


@dataclass(slots=True)
class Site:
    """A hub at work. A plant changes its database, or how this process serves."""

    hub: Hub
    database: Database
    serving: Serving
    held: AsyncExitStack

    async def run(self, sql: str, *values: object) -> None:
        """One statement of the runtime role."""
        async with self.hub.pool.acquire() as connection:
            await connection.execute(sql, *values)


@asynccontextmanager
async def healthy(hub: Hub, database: Database, var: Path) -> AsyncIterator[Site]:
    """Money came in, a worker speaks, every slow measure was taken: nothing to call anybody for."""
    async with AsyncExitStack() as held:
        settings = hub.settings.model_copy(update={"var": var})
        site = Site(replace(hub, settings=settings, clock=now), database, Serving(probe_s=30), held)
        await staffed(site.hub)
        await paid(replace(site.hub, clock=hub.clock))
        async with hub.pool.acquire() as connection:
            await beat(connection, "here:1")
        await site.run("UPDATE deliveries SET status = 'delivered'")
        await seal(site.hub)
        await measure(site)
        yield site


async def measure(site: Site) -> None:
    """Take every slow measure."""
    await measure_clearing(site.hub)
    await measure_remittance(site.hub)
    await verify_audit(site.hub)


async def _unbalanced(site: Site) -> None:
    await site.run("INSERT INTO ledger_rollup (account, debit_vnd, credit_vnd) VALUES ('H:bank:else', 5, 0)")


async def _uncleared(site: Site) -> None:
    await site.run(
        "INSERT INTO ledger (key, n, rule, account, amount_vnd, bank, merchant, value_date) VALUES "
        "('planted', 0, '3', 'H:sandbox-a:PAYGW', 7, 'sandbox-a', 'PAYGW', '2026-11-23'), "
        "('planted', 1, '3', 'U:free', -7, 'sandbox-a', 'PAYGW', '2026-11-23')"
    )
    await measure(site)


async def _rewritten(site: Site) -> None:
    way = await asyncpg.connect(**site.database.super.connect_args())
    await way.execute("ALTER TABLE ledger DISABLE TRIGGER ALL")
    await way.execute("UPDATE ledger SET merchant = 'ELSE'")
    await way.close()
    await measure(site)


async def _broken(site: Site, kind: str, *, ago: timedelta = timedelta()) -> None:
    found = [Found(kind=kind, subject="T1", detail="planted", book_amount_vnd=7)]
    then = replace(site.hub, clock=lambda: now() - ago)
    await then.transact(lambda connection: keep_breaks(then, connection, "sandbox-a", DAY, found))


async def _unexplained(site: Site) -> None:
    await _broken(site, "unidentified_debit")


async def _overdue(site: Site) -> None:
    await _broken(site, "fee_differs", ago=timedelta(days=30))


async def _undone(site: Site) -> None:
    await _broken(site, "fee_differs")
    hub = site.hub
    await hub.transact(
        lambda connection: close_gone(hub, connection, "sandbox-a", DAY, kinds=["fee_differs"], found=[])
    )
    await _broken(site, "fee_differs")


async def _unproven(site: Site) -> None:
    at = now() - timedelta(hours=27)
    async with site.hub.pool.acquire() as connection:
        await put_measure(connection, "audit_verify_ok", {"": 1}, at=at)


async def _unapplied(site: Site) -> None:
    await site.run("UPDATE receipts SET free_vnd = 1, booked_at = now() - interval '20 days'")


async def _unreturned(site: Site) -> None:
    await site.run(
        "INSERT INTO refunds (id, receipt_id, source, amount_vnd, status, reason, requested_by, content_hash, ref, "
        "created_at) SELECT gen_random_uuid(), id, 'excess', 1, 'approved', 'x', 'huong', '', 'R1', "
        "now() - interval '6 days' FROM receipts"
    )


async def _unconfirmed(site: Site) -> None:
    await site.run(
        "INSERT INTO disbursements (batch_id, no, account, receipt_id, order_id, line_no, beneficiary, code, "
        "amount_vnd, status, created_at) SELECT gen_random_uuid(), 1, '9704', receipt_id, order_id, line_no, "
        "beneficiary, code, live_vnd, 'sent', now() - interval '4 days' FROM slices LIMIT 1"
    )


async def _unremitted(site: Site) -> None:
    payee = Payee(
        beneficiary="treasury", name="Kho bạc", account="7111", bank_code="01701001", treasury_unit="0012",
        collecting_office="1054015", remit_every="week", remit_by=1, basis="TT",
    )  # fmt: skip
    await payees.set_payee(site.hub, payee, persons=BOTH)
    await site.run("UPDATE receipts SET settled = true, value_date = '2026-01-05'")
    await measure(site)


async def _unreconciled(site: Site) -> None:
    await site.run(
        "INSERT INTO banks (id, connector, title, base_url, merchant, credentials, options, home, account, enabled, "
        "created_at) VALUES ('sandbox-a', 'sandbox', '', '', '', '', '{}', 'provider', '', true, $1)",
        now() - timedelta(days=14),
    )


async def _unmatched(site: Site) -> None:
    await site.run(
        "WITH n AS (INSERT INTO nights (id, bank, day, status, started_at, touched_at, ended_at) VALUES "
        "(gen_random_uuid(), 'sandbox-a', '2026-11-20', 'done', now(), now(), now()) RETURNING id) "
        """INSERT INTO night_steps SELECT id, 1, 'match', now(), '{"matched": 1, "lines": 10}' FROM n"""
    )


async def _silent_bank(site: Site) -> None:
    async with site.hub.pool.acquire() as connection:
        tally = Tally(bank="sandbox-a", operation="query", good=0, bad=5, rest_ms=60_000)
        await tell_health(connection, "here:1", [tally])


async def _unknown(site: Site) -> None:
    await redirected(site.hub, await ordered(site.hub, "HS-9"))
    await site.run(
        "UPDATE attempts SET last_contact_failed = true, next_enquiry_at = now(), "
        "created_at = now() - interval '16 minutes' WHERE status = 'redirected'"
    )


async def _undelivered(site: Site, portal: str, age: str, status: str = "pending") -> None:
    await site.run(
        "WITH e AS (INSERT INTO events (id, key, portal_id, order_id, type, body, created_at) SELECT "
        "gen_random_uuid(), 'planted:' || $1 || $3, $1, id, 'order.paid', '', now() - $2::text::interval FROM orders "
        "LIMIT 1 RETURNING id) "
        "INSERT INTO deliveries (event_id, portal_id, status) SELECT id, $1, $3 FROM e",
        portal, age, status,
    )  # fmt: skip


async def _late_for_two(site: Site) -> None:
    await _undelivered(site, "hanoi", "11 minutes")
    await _undelivered(site, "hue", "11 minutes")


async def _late_for_one(site: Site) -> None:
    await _undelivered(site, "hanoi", "61 minutes")


async def _given_up(site: Site) -> None:
    await _undelivered(site, "hanoi", "4 days", "dead")


async def _held_back(site: Site) -> None:
    way = await asyncpg.connect(**site.database.owner.connect_args())
    era = int(now().timestamp()) - 5 * 3600
    await way.execute("INSERT INTO restores (era, made_at, restored_by) VALUES ($1, now(), 'huong')", era)
    await way.close()


async def _other_schema(site: Site) -> None:
    site.serving.head = "9999"


async def _no_worker(site: Site) -> None:
    await site.run("DELETE FROM heartbeats")


async def _wrong_clock(site: Site) -> None:
    site.hub = replace(site.hub, clock=lambda: now() + timedelta(seconds=5))


async def _no_connection_left(site: Site) -> None:
    site.serving.probe_s = 0.1
    for _ in range(site.hub.pool.get_max_size()):
        await site.held.enter_async_context(site.hub.pool.acquire())


PLANTS: Final[Mapping[str, Callable[[Site], Awaitable[None]]]] = {
    "PaygwLedgerImbalance": _unbalanced,
    "PaygwClearingDifference": _uncleared,
    "PaygwAuditBroken": _rewritten,
    "PaygwMoneyUnexplained": _unexplained,
    "PaygwProofOld": _unproven,
    "PaygwUnappliedAgeing": _unapplied,
    "PaygwRefundStuck": _unreturned,
    "PaygwPayoutUnconfirmed": _unconfirmed,
    "PaygwRemittanceOverdue": _unremitted,
    "PaygwNightLate": _unreconciled,
    "PaygwBreakOverdue": _overdue,
    "PaygwAutomationUndone": _undone,
    "PaygwFirstPassLow": _unmatched,
    "PaygwBankCircuitOpen": _silent_bank,
    "PaygwUnknownAgeing": _unknown,
    "PaygwCallbacksLate": _late_for_two,
    "PaygwCallbackLateOne": _late_for_one,
    "PaygwCallbackDead": _given_up,
    "PaygwRestoreHeld": _held_back,
    "PaygwNotReady": _other_schema,
    "PaygwWorkerSilent": _no_worker,
    "PaygwClockOff": _wrong_clock,
    "PaygwPoolFull": _no_connection_left,
}
