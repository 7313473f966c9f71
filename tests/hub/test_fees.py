"""The life of tariff versions on a real database: two persons, no overlap, no change under a priced order."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date
from typing import Any

import asyncpg
import pytest

from paygw.hub.fees import Publication, list_versions, load_versions, publish, review
from paygw.hub.frozen import open_private, recompute
from paygw.hub.hub import Hub, TariffHolder
from paygw.hub.ordering import Answered, LineAsk, OrderAsk, create_order
from paygw.hub.quotes import FeeQuestion, quote, quote_view
from paygw.hub.registry_watch import watch_registry
from paygw.hub.simulation import simulate_orders
from paygw.hub.tariffs import load_tariffs, seed_tariffs
from paygw.kernel.errors import Refused
from paygw.kernel.fees.catalogue import read_sources
from paygw.kernel.fees.dates import Window
from paygw.kernel.fees.versions import versions_of
from paygw.kernel.refs import private_id
from paygw.store.engine import open_pool
from tests.db_fixtures import Database
from tests.hub_fixtures import CATALOGUE, PORTAL

pytestmark = pytest.mark.db

CODE = "9.990001"


def tariff(price: int, first: str, last: str | None = None, **more: Any) -> dict[str, str]:  # noqa: ANN401 - any entry of a schedule
    """A catalogue of one procedure with one schedule that charges a fixed price."""
    schedule = {
        "id": more.get("id", f"s{price}"),
        "jurisdiction": more.get("jurisdiction", "VN"),
        "effective_from": first,
        "effective_to": last,
        "confidence": more.get("confidence", "verified"),
        "components": [{"id": "phi", "type": "phi", "base": {"fixed": price}, "modifiers": more.get("modifiers", [])}],
    }
    if not schedule["components"][0]["modifiers"]:
        del schedule["components"][0]["modifiers"]
    procedure = {"code": CODE, "facts": more.get("facts", {}), "schedules": [schedule]}
    return {"own.json": json.dumps({"schema": "paygw.fees/v1", "procedures": [procedure]})}


async def drafted(hub: Hub, sources: dict[str, str]) -> str:
    """A draft by an; its digest."""
    shown = await load_versions(hub, sources, by="an")
    return str(shown[0]["version"])


async def reviewed(hub: Hub, sources: dict[str, str]) -> str:
    """The same, reviewed by binh."""
    digest = await drafted(hub, sources)
    await review(hub, digest, by="binh")
    return digest


async def published(hub: Hub, sources: dict[str, str], *, supersede: bool = False) -> str:
    """The same, published by binh."""
    digest = await reviewed(hub, sources)
    await publish(hub, digest, Publication(by="binh", supersede=supersede))
    return digest


def price(hub: Hub, as_of: str, **facts: int) -> int:
    """What the procedure costs."""
    return quote(hub, FeeQuestion(procedure=CODE, as_of=as_of, facts=facts)).total_vnd


async def order(hub: Hub, as_of: str, *, province: str | None = None, reference: str = "R-1") -> Answered:
    """An order of one line."""
    question = FeeQuestion(procedure=CODE, as_of=as_of, province=province, facts={})
    line = LineAsk(dossier_code=reference, collecting_body="so-tp", question=question)
    ask = OrderAsk(reference=reference, lines=(line,), return_url="https://dvc.example.vn/x")
    return await create_order(hub, PORTAL, ask, key=reference)


async def state_of(hub: Hub, digest: str) -> tuple[str, str]:
    """State and windows of a version."""
    row = (await list_versions(hub, prefix=digest))[0]
    return row["state"], row["in_force"]


@pytest.fixture
async def other_process(hub: Hub, database: Database) -> AsyncIterator[Hub]:
    """A second process on the same database."""
    pool = await open_pool(database.runtime, size=4, application="other", statement_timeout_s=5, idle_timeout_s=10)
    yield replace(hub, pool=pool, tariff_holder=TariffHolder())
    await pool.close()


async def test_version_goes_from_draft_to_force_by_two_persons(hub: Hub) -> None:
    digest = await published(hub, tariff(1000, "2026-01-01"))

    assert await state_of(hub, digest) == ("published", "{[2026-01-01,)}")
    assert price(hub, "2026-11-23") == 1000


async def test_same_content_is_the_same_version(hub: Hub) -> None:
    first = await published(hub, tariff(1000, "2026-01-01"))

    again = await load_versions(hub, tariff(1000, "2026-01-01"), by="chi")

    assert [(one["version"], one["state"], one["drafted_by"]) for one in again] == [(first, "published", "an")]


async def test_unreviewed_version_cannot_be_published(hub: Hub) -> None:
    digest = await drafted(hub, tariff(1000, "2026-01-01"))

    with pytest.raises(Refused, match="version_state"):
        await publish(hub, digest, Publication(by="binh"))

    assert await state_of(hub, digest) == ("draft", "{}")


@pytest.mark.parametrize("step", ["review", "publish"])
async def test_author_neither_reviews_nor_publishes(hub: Hub, step: str) -> None:
    digest = await (drafted if step == "review" else reviewed)(hub, tariff(1000, "2026-01-01"))

    with pytest.raises(Refused, match="same_person"):
        await (review(hub, digest, by="an") if step == "review" else publish(hub, digest, Publication(by="an")))


async def test_live_hub_asks_for_roles(hub: Hub) -> None:
    live = replace(hub, settings=hub.settings.model_copy(update={"mode": "live"}))

    with pytest.raises(Refused, match="role_missing"):
        await load_versions(live, tariff(1000, "2026-01-01"), by="an")


async def test_figures_from_memory_do_not_go_live_by_accident(hub: Hub) -> None:
    live = replace(hub, settings=hub.settings.model_copy(update={"mode": "live"}))
    async with hub.pool.acquire() as connection:
        for person, role in (("an", "clerk"), ("binh", "approver")):
            await connection.execute("INSERT INTO persons (id, name, role) VALUES ($1, $1, $2)", person, role)
    digest = await reviewed(live, tariff(1000, "2026-01-01", confidence="memory"))

    with pytest.raises(Refused, match="version_unverified"):
        await publish(live, digest, Publication(by="binh"))
    shown = await publish(live, digest, Publication(by="binh", accept=frozenset({"memory"})))

    assert shown["state"] == "published"


async def test_overlap_is_refused_unless_it_is_meant(hub: Hub) -> None:
    old = await published(hub, tariff(1000, "2026-01-01"))
    new = await reviewed(hub, tariff(2000, "2027-01-01"))

    with pytest.raises(Refused, match="version_overlaps"):
        await publish(hub, new, Publication(by="binh"))
    await publish(hub, new, Publication(by="binh", supersede=True))

    assert await state_of(hub, old) == ("published", "{[2026-01-01,2027-01-01)}")
    assert (price(hub, "2026-12-31"), price(hub, "2027-01-01")) == (1000, 2000)


async def test_version_with_no_day_left_is_superseded(hub: Hub) -> None:
    old = await published(hub, tariff(1000, "2026-01-01"))

    await published(hub, tariff(2000, "2025-01-01"), supersede=True)

    assert await state_of(hub, old) == ("superseded", "{}")


async def test_version_in_the_middle_leaves_both_ends_of_the_old_one(hub: Hub) -> None:
    await published(hub, tariff(1000, "2026-01-01"))

    await published(hub, tariff(2000, "2026-03-01", "2026-03-31"), supersede=True)

    assert [price(hub, day) for day in ("2026-02-28", "2026-03-01", "2026-03-31", "2026-04-01")] == [
        *(1000, 2000),
        *(2000, 1000),
    ]


async def test_database_itself_refuses_overlap_and_change(hub: Hub, database: Database) -> None:
    one = await published(hub, tariff(1000, "2026-01-01"))
    two = await reviewed(hub, tariff(2000, "2026-06-01"))
    connection = await asyncpg.connect(**database.owner.connect_args())
    publishing = "UPDATE fee_versions SET state = 'published', published_by = 'x', published_at = now(), in_force = "

    with pytest.raises(asyncpg.ExclusionViolationError):
        await connection.execute(publishing + "'{[2026-06-01,)}' WHERE digest = $1", two)
    for change in (
        "UPDATE fee_versions SET document = '{}' WHERE digest = $1",
        "UPDATE fee_versions SET effective_to = '2026-12-31' WHERE digest = $1",
        "UPDATE fee_versions SET state = 'draft', in_force = '{}' WHERE digest = $1",
        "UPDATE fee_versions SET published_by = 'y' WHERE digest = $1",
        "UPDATE fee_versions SET in_force = '{[2026-01-01,2030-01-01)}', state = 'superseded' WHERE digest = $1",
        "DELETE FROM fee_versions WHERE digest = $1",
    ):
        with pytest.raises((asyncpg.RestrictViolationError, asyncpg.CheckViolationError)):
            await connection.execute(change, one)
    with pytest.raises(asyncpg.RestrictViolationError):
        await connection.execute("TRUNCATE fee_versions")
    with pytest.raises(asyncpg.RestrictViolationError):
        await connection.execute("DELETE FROM fee_uses")

    await connection.close()


async def test_days_an_order_was_priced_by_are_not_charged_otherwise(hub: Hub) -> None:
    await published(hub, tariff(1000, "2026-01-01"))
    await order(hub, "2026-11-20")
    over = await reviewed(hub, tariff(2000, "2026-11-20"))
    after = await reviewed(hub, tariff(3000, "2026-11-21"))

    with pytest.raises(Refused, match="version_frozen"):
        await publish(hub, over, Publication(by="binh", supersede=True))
    await publish(hub, after, Publication(by="binh", supersede=True))

    assert (price(hub, "2026-11-20"), price(hub, "2026-11-21")) == (1000, 3000)


async def test_relief_added_for_next_year_may_replace_the_whole_schedule(hub: Hub) -> None:
    await published(hub, tariff(1000, "2026-01-01"))
    await order(hub, "2026-11-20")
    relief = {"id": "half", "from": "2027-01-01", "multiply": "1/2"}

    await published(hub, tariff(1000, "2026-01-01", modifiers=[relief]), supersede=True)

    assert (price(hub, "2026-12-31"), price(hub, "2027-01-01")) == (1000, 500)


async def test_provincial_version_changes_only_orders_of_its_province(hub: Hub) -> None:
    await published(hub, tariff(1000, "2026-01-01"))
    await order(hub, "2026-11-20", province="79")
    other = await reviewed(hub, tariff(800, "2026-01-01", jurisdiction="48"))
    same = await reviewed(hub, tariff(700, "2026-01-01", jurisdiction="79"))

    await publish(hub, other, Publication(by="binh"))
    with pytest.raises(Refused, match="version_frozen"):
        await publish(hub, same, Publication(by="binh"))


async def test_version_that_asks_for_other_facts_is_asked_on_its_own_days(hub: Hub) -> None:
    await published(hub, tariff(1000, "2025-01-01", "2025-12-31"))
    await published(hub, tariff(2000, "2026-01-01", facts={"copies": {"type": "int", "min": 1}}))

    assert (price(hub, "2025-06-01"), price(hub, "2026-06-01", copies=2)) == (1000, 2000)
    with pytest.raises(Refused, match="unknown_fact"):
        price(hub, "2025-06-01", copies=2)
    with pytest.raises(Refused, match="missing_fact"):
        price(hub, "2026-06-01")


async def test_frozen_order_is_recomputed_by_the_version_it_was_priced_by(hub: Hub) -> None:
    modifier = {"id": "half", "from": "2026-11-21", "multiply": "1/2"}
    old = await published(hub, tariff(1000, "2026-01-01"))
    answered = await order(hub, "2026-11-20")
    await published(hub, tariff(1000, "2026-01-01", modifiers=[modifier]), supersede=True)
    order_id = private_id("ord", json.loads(answered.body)["id"])
    async with hub.pool.acquire() as connection:
        row = await connection.fetchrow("SELECT quote, private FROM orders WHERE id = $1", order_id)
    frozen = json.loads(row["quote"])["lines"][0]
    facts = open_private(hub, str(order_id), row["private"]).facts[0]

    again = await recompute(hub, frozen, facts)

    assert await state_of(hub, old) == ("superseded", "{}")
    assert again is not None
    assert (again.total_vnd, again.schedule_hash) == (frozen["total_vnd"], frozen["schedule_hash"])
    assert quote(hub, FeeQuestion(procedure=CODE, as_of="2026-11-20", facts={})).schedule_hash != again.schedule_hash


async def test_process_that_has_not_heard_prices_by_what_is_in_force(hub: Hub, other_process: Hub) -> None:
    await published(hub, tariff(1000, "2026-01-01"))
    await load_tariffs(other_process)
    await published(hub, tariff(2000, "2026-11-01"), supersede=True)

    answered = await order(other_process, "2026-11-20")

    assert json.loads(answered.body)["amount_vnd"] == 2000


async def test_token_of_a_superseded_version_is_outdated(hub: Hub, other_process: Hub) -> None:
    await published(hub, tariff(1000, "2026-01-01"))
    await load_tariffs(other_process)
    question = FeeQuestion(procedure=CODE, as_of="2026-11-20", facts={})
    view = quote_view(other_process, question, quote(other_process, question), hub.clock())
    await published(hub, tariff(2000, "2026-11-01"), supersede=True)
    line = LineAsk(dossier_code="D", collecting_body="so-tp", quote_token=view["quote_token"])
    ask = OrderAsk(reference="R-9", lines=(line,), return_url="https://dvc.example.vn/x")

    with pytest.raises(Refused, match="quote_outdated"):
        await create_order(other_process, PORTAL, ask, key="k")


async def test_other_processes_hear_of_a_publication(hub: Hub, other_process: Hub) -> None:
    slow = other_process.settings.model_copy(update={"registry_refresh_s": 5.0})
    watched = replace(other_process, settings=slow)
    await load_tariffs(watched)
    watch = asyncio.create_task(watch_registry(watched))
    await asyncio.sleep(0.2)

    await published(hub, tariff(1000, "2026-01-01"))
    async with asyncio.timeout(4):  # shorter than the process would take by itself
        while CODE not in watched.tariffs.procedures:  # noqa: ASYNC110 - waits for what another task does
            await asyncio.sleep(0.02)

    watch.cancel()
    assert price(watched, "2026-11-23") == 1000


async def test_fresh_test_hub_charges_by_the_starter_catalogue(hub: Hub) -> None:
    sources = read_sources(CATALOGUE)

    await seed_tariffs(hub, sources)
    await seed_tariffs(hub, sources)
    await load_tariffs(hub)

    rows = await list_versions(hub)
    assert {row["state"] for row in rows} == {"published"}
    assert len(rows) == sum(len(one.tariff.schedules) for one in hub.catalogue.procedures.values())
    assert hub.tariffs.procedures.keys() == hub.catalogue.procedures.keys()


async def test_fresh_live_hub_charges_nothing(hub: Hub) -> None:
    live = replace(hub, settings=hub.settings.model_copy(update={"mode": "live"}))

    await seed_tariffs(live, read_sources(CATALOGUE))
    await load_tariffs(live)

    assert live.tariffs.procedures == {}


async def test_what_if_reads_the_orders_of_a_span(hub: Hub) -> None:
    await published(hub, tariff(1000, "2026-01-01"))
    for day in ("2026-11-19", "2026-11-20", "2026-11-21"):
        await order(hub, day, reference=f"R-{day}")
    proposed = versions_of(tariff(1500, "2026-11-21"))

    _, own = await simulate_orders(hub, proposed, Window(date(2026, 11, 20), date(2026, 11, 30)))
    _, later = await simulate_orders(
        hub, proposed, Window(date(2026, 11, 1), date(2026, 11, 30)), as_of=date(2027, 1, 1)
    )

    line = own.lines[("so-tp", CODE, "phi")]
    assert (line.dossiers, line.now_vnd, line.then_vnd) == (2, 2000, 2500)
    assert (later.dossiers, later.effects["more"]) == (3, 3)
