"""After a restore nothing leaves for portals or banks until the banks were asked and a person has said so."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import asyncpg
import pytest

from paygw.hub import restoring, sealing
from paygw.hub.enquiries import enquire_due
from paygw.hub.events import list_events
from paygw.hub.finance import list_entries
from paygw.hub.hub import Hub
from paygw.hub.payouts import export_payout
from paygw.hub.persons import tell_audit
from paygw.hub.refund_sending import work_refunds
from paygw.hub.refunds import approve_refund
from paygw.hub.registry_watch import load_registry
from paygw.kernel.connector import Contact
from paygw.kernel.errors import Refused
from paygw.kernel.evidence import RefundNewsStatus
from paygw.store.outbox import claim
from paygw.store.restores import begins_anew, mark_restored
from tests.db_fixtures import Database
from tests.hub.test_payouts import approved, proposed
from tests.hub.test_refunds import answers, asked, bank_of, shown
from tests.hub.world import later, ordered, paid, redirected, staffed
from tests.hub_fixtures import PORTAL, Clock

pytestmark = pytest.mark.db

_RECENT_S = 3_600.0


async def _marked(hub: Hub, database: Database) -> int:
    owner = await asyncpg.connect(**database.owner.connect_args())
    try:
        async with owner.transaction():
            return await mark_restored(owner, made_at=hub.clock(), by="ops", recent_s=_RECENT_S)
    finally:
        await owner.close()


async def _claimed(hub: Hub) -> int:
    async with hub.pool.acquire() as connection:
        return len(await claim(connection, {PORTAL.id: 10}, limit=10, lease_s=0))


def _real_time(hub: Hub) -> None:
    """The hub's clock as the database's: what a restore marks is due by the latter."""
    assert isinstance(hub.clock, Clock)
    hub.clock.now = datetime.now(UTC) + timedelta(seconds=1)


async def test_callbacks_and_refunds_wait_for_a_person(hub: Hub, database: Database) -> None:
    await staffed(hub)
    order_id, _ = await paid(hub)
    refund_id = await asked(hub, order_id)
    await approve_refund(hub, refund_id, by="minh")
    await _marked(hub, database)

    assert await _claimed(hub) == 0
    await work_refunds(hub)
    assert (await shown(hub, refund_id), bank_of(hub).asked) == (("funded", False), [])

    await restoring.release(hub, by="ops", anyway=True)

    assert await _claimed(hub) == 1
    await answers(hub, refund_id, Contact.SUCCEEDED, RefundNewsStatus.SUCCEEDED)
    await work_refunds(hub)
    assert await shown(hub, refund_id) == ("succeeded", False)


async def test_banks_are_asked_about_what_was_young_or_open_before_anything_is_released(
    hub: Hub, database: Database
) -> None:
    _real_time(hub)
    old = await redirected(hub, await ordered(hub, "HS-OLD"))
    async with hub.pool.acquire() as connection:
        await connection.execute(
            "UPDATE attempts SET status = 'expired', created_at = created_at - interval '2 hours', "
            "expires_at = expires_at - interval '2 hours', next_enquiry_at = NULL"
        )
    late = await redirected(hub, await ordered(hub, "HS-OPEN"))
    async with hub.pool.acquire() as connection:
        await connection.execute("UPDATE attempts SET next_enquiry_at = NULL")  # the schedule of both is over
    _, young = await paid(hub, "HS-PAID")

    assert await _marked(hub, database) == 2
    _real_time(hub)
    told = await restoring.show_restore(hub)
    assert (told["held"], told["unasked"]) == (True, 2)
    with pytest.raises(Refused, match="2 payments have not been asked"):
        await restoring.release(hub, by="ops", anyway=False)

    await enquire_due(hub, "sandbox-a")
    assert len(bank_of(hub).asked) == 2
    released = await restoring.release(hub, by="ops", anyway=False)
    assert (released["held"], released["unasked"], released["released_by"]) == (False, 0, "ops")
    async with hub.pool.acquire() as connection:
        due = await connection.fetch("SELECT ref FROM attempts WHERE next_enquiry_at IS NOT NULL ORDER BY ref")
        assert {row["ref"] for row in due} == {late.ref}, (old, young)
        assert await connection.fetchval("SELECT count(*) FROM audit WHERE action = 'restore.released'") == 1


async def test_a_payment_message_is_not_made_twice(custody_hub: Hub, database: Database) -> None:
    hub = await staffed(custody_hub)
    hub = replace(hub, settings=hub.settings.model_copy(update={"operator_bank": "BFTVVNVX"}))
    shown_batch = await proposed(hub)
    await approved(hub, shown_batch)
    batch = shown_batch["batch"]
    await _marked(hub, database)

    with pytest.raises(Refused, match="restored"):
        await export_payout(hub, batch, by="huong")

    await restoring.release(hub, by="ops", anyway=True)
    assert (await export_payout(hub, batch, by="huong")).startswith(b"<?xml")


@pytest.mark.alone
async def test_a_cursor_of_before_is_turned_back(hub: Hub, database: Database) -> None:
    """Transactions are counted anew from the backup: what a reader saw beyond it is not there any more."""
    await paid(hub, "HS-1")
    before = (await list_events(hub, PORTAL.id, None, limit=10))["next"]
    entries = (await list_entries(hub, None, limit=100))["next"]
    await _marked(hub, database)
    async with hub.pool.acquire() as connection:  # as if the readers had been far ahead when the backup was made
        moved = "UPDATE restores SET xid = '1'::xid8"
        owner = await asyncpg.connect(**database.owner.connect_args())
        await owner.execute(moved)
        await owner.close()
        assert await connection.fetchval("SELECT xid FROM restores") == 1
    registry = await load_registry(hub)
    assert list(registry.restores.values()) == [1]

    again = await list_events(hub, PORTAL.id, before, limit=10)
    assert [one["type"] for one in again["items"]] == ["order.paid"]
    assert (await list_entries(hub, entries, limit=100))["items"]
    assert (await list_events(hub, PORTAL.id, again["next"], limit=10))["items"] == []


async def test_books_of_a_dump_are_told_from_a_copy(hub: Hub, database: Database) -> None:
    await paid(hub)
    owner = await asyncpg.connect(**database.owner.connect_args())
    try:
        assert not await begins_anew(owner)
        await owner.execute(
            "INSERT INTO audit (principal, action, subject, detail, xid) "
            "VALUES ('dump', 'x', 'y', '{}', '4611686018427387904'::xid8)"
        )
        assert await begins_anew(owner)
    finally:
        await owner.close()


async def test_without_a_restore_nothing_is_held(hub: Hub) -> None:
    await paid(hub)
    later(hub, 1)

    assert await restoring.show_restore(hub) == {"restored": False}
    assert await _claimed(hub) == 1
    assert await restoring.release(hub, by="ops", anyway=False) == {"restored": False}


@pytest.mark.alone
async def test_sealing_for_a_backup_ends_while_payments_come_in(hub: Hub) -> None:
    """On a busy hub every look finds rows: a batch that is not full is enough."""

    async def busy() -> None:
        while True:
            await hub.transact(partial(tell_audit, principal="ops", action="busy", subject="hub"))

    writers = [asyncio.create_task(busy()) for _ in range(6)]
    try:
        await asyncio.sleep(0.1)
        assert 0 < await sealing.seal_all(hub) < sealing.SEAL_ROWS_MAX
    finally:
        for one in writers:
            one.cancel()
        await asyncio.wait(writers)
    async with hub.pool.acquire() as connection:
        assert await connection.fetchval("SELECT count(*) FROM seals WHERE chain = 'audit'") == 1
