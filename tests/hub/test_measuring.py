"""What is measured now and then is kept with its time; what the hub counts is counted once and by its right name."""

from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest
from asyncpg import Connection

from paygw.hub import payees
from paygw.hub.hub import Hub
from paygw.hub.keyed import keyed
from paygw.hub.measuring import measure_clearing, measure_remittance, read_all, verify_audit
from paygw.hub.ordering import LineAsk, OrderAsk, create_order
from paygw.hub.sealing import heads_path, seal
from paygw.kernel.errors import Refused
from paygw.outside.heads import BadHeads
from paygw.store.health import read_clock
from paygw.store.payouts import Payee
from tests.db_fixtures import Database
from tests.hub.world import BOTH, QUESTION, later, paid, staffed
from tests.hub_fixtures import PORTAL, Counts

pytestmark = pytest.mark.db


async def gauges(hub: Hub, name: str) -> dict[tuple[str, ...], float]:
    """The values of a gauge by its labels' values."""
    async with hub.pool.acquire() as connection:
        found = await read_all(hub, connection)
    return {tuple(one.labels.values()): one.value for one in found if one.name == name}


def counted(hub: Hub, name: str) -> list[dict[str, str]]:
    """The labels under which something was counted."""
    assert isinstance(hub.observe, Counts)
    return [labels for seen, labels in hub.observe.seen if seen == name]


async def test_requests_with_a_key_are_counted_by_what_became_of_them(hub: Hub) -> None:
    line = LineAsk(dossier_code="H26-1", collecting_body="G22.99", question=QUESTION)
    ask = OrderAsk(reference="HS-1", lines=(line,), return_url="https://dvc.example.vn/back")

    for _ in range(2):
        await keyed(hub, create_order(hub, PORTAL, ask, key="k1"))
    with pytest.raises(Refused, match="idempotency_mismatch"):
        await keyed(hub, create_order(hub, PORTAL, replace(ask, reference="HS-2"), key="k1"))

    outcomes = [labels["outcome"] for labels in counted(hub, "paygw_idempotency_total")]
    assert outcomes == ["new", "replay", "mismatch"]


@pytest.mark.parametrize(
    ("error", "reason"),
    [(asyncpg.DeadlockDetectedError, "deadlock"), (asyncpg.SerializationError, "serialization")],
)
async def test_a_transaction_tried_again_is_counted_by_why(
    hub: Hub, error: type[asyncpg.PostgresError], reason: str
) -> None:
    troubles = [error("once")]

    async def work(connection: Connection) -> str:
        del connection
        if troubles:
            raise troubles.pop()
        return "done"

    assert await hub.transact(work) == "done"
    assert [labels["reason"] for labels in counted(hub, "paygw_db_retries_total")] == [reason]


async def test_clearing_that_is_not_what_the_records_say_is_told_by_bank(hub: Hub) -> None:
    await paid(hub)
    await measure_clearing(hub)
    before = await gauges(hub, "paygw_clearing_difference_vnd")
    async with hub.pool.acquire() as connection:
        await connection.execute(
            "INSERT INTO ledger (key, n, rule, account, amount_vnd, bank, merchant, value_date) VALUES "
            "('planted', 0, '3', 'H:sandbox-a:PAYGW', 7, 'sandbox-a', 'PAYGW', '2026-11-23'), "
            "('planted', 1, '3', 'U:free', -7, 'sandbox-a', 'PAYGW', '2026-11-23')"
        )

    await measure_clearing(hub)

    others = {("bank",): 0, ("sandbox-b",): 0}
    assert before == others | {("sandbox-a",): 0}
    assert await gauges(hub, "paygw_clearing_difference_vnd") == others | {("sandbox-a",): 7}


@pytest.fixture
def sealing_hub(hub: Hub, tmp_path: Path) -> Hub:
    """A hub that exports its heads to a folder of its own."""
    return replace(hub, settings=hub.settings.model_copy(update={"var": tmp_path}))


@pytest.mark.alone
async def test_a_changed_row_of_the_audit_trail_turns_the_verdict(sealing_hub: Hub, database: Database) -> None:
    hub = sealing_hub
    await paid(hub)
    await seal(hub)
    assert await verify_audit(hub) is None
    before = await gauges(hub, "paygw_audit_verify_ok")
    way = await asyncpg.connect(**database.super.connect_args())
    await way.execute("ALTER TABLE ledger DISABLE TRIGGER ALL")
    await way.execute("UPDATE ledger SET merchant = 'ELSE'")
    await way.close()

    bad = await verify_audit(hub)

    assert bad is not None
    assert bad.chain == "ledger"
    assert before == {(): 1}
    assert await gauges(hub, "paygw_audit_verify_ok") == {(): 0}


async def test_a_damaged_file_of_heads_is_a_bad_verdict(sealing_hub: Hub) -> None:
    hub = sealing_hub
    heads = heads_path(hub.settings)
    heads.parent.mkdir(parents=True)
    heads.write_text("not a head\n")

    with pytest.raises(BadHeads):
        await verify_audit(hub)

    assert await gauges(hub, "paygw_audit_verify_ok") == {(): 0}


async def test_a_measure_grows_old_by_the_clock(hub: Hub) -> None:
    await measure_remittance(hub)
    later(hub, 90_000)

    assert await gauges(hub, "paygw_measure_age_seconds") == {("remittance_vnd",): 90_000}


async def test_money_of_owners_is_told_by_its_legal_term(hub: Hub) -> None:
    await staffed(hub)
    await paid(hub)
    async with hub.pool.acquire() as connection:
        await connection.execute("UPDATE receipts SET settled = true")
        owners = dict(await connection.fetch("SELECT beneficiary, sum(live_vnd)::bigint FROM slices GROUP BY 1"))
    payee = Payee(
        beneficiary="treasury", name="Kho bạc", account="7111", bank_code="01701001", treasury_unit="0012",
        collecting_office="1054015", remit_every="week", remit_by=1, basis="TT",
    )  # fmt: skip
    await payees.set_payee(hub, payee, persons=BOTH)
    others_vnd = sum(owners.values()) - owners["treasury"]

    await measure_remittance(hub)
    fresh = await gauges(hub, "paygw_remittance_vnd")
    later(hub, 10 * 86_400)
    await measure_remittance(hub)

    assert fresh == {("waiting",): owners["treasury"], ("overdue",): 0, ("no_term",): others_vnd}
    assert (await gauges(hub, "paygw_remittance_vnd"))["overdue",] == owners["treasury"]


async def test_a_clock_that_runs_ahead_of_the_database_is_seen(hub: Hub) -> None:
    async with hub.pool.acquire() as connection:
        apart = await read_clock(connection)
    ahead = replace(hub, clock=lambda: apart.replace(year=apart.year + 1))

    offset = (await gauges(ahead, "paygw_clock_offset_seconds"))[()]

    assert 364 * 86_400 < offset < 367 * 86_400


async def test_unapplied_money_ages_by_working_days(hub: Hub) -> None:
    await paid(hub)
    async with hub.pool.acquire() as connection:
        await connection.execute("UPDATE receipts SET free_vnd = 1, booked_at = $1", hub.clock())
    later(hub, 7 * 86_400)

    # Monday to Monday with a holiday on the 24th: four working days in between and the last one
    assert await gauges(hub, "paygw_unapplied_oldest_days") == {("sandbox-a",): 4}
