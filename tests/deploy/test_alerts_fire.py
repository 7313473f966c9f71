"""Each alert about a state: planted for real, the hub's own exposition crosses the limit that stands in the rule."""

import operator
import re
import shutil
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest
from prometheus_client.parser import text_string_to_metric_families as families

from paygw.app import create_app
from paygw.hub.hub import Hub
from paygw.outside.metrics import METRICS, Metrics
from tests.db_fixtures import Database
from tests.deploy.plants import PLANTS, Site, healthy
from tests.deploy.promql import ALERTS, RECORDS, selectors, threshold
from tests.web.asgi import call

pytestmark = pytest.mark.db

Sample = tuple[str, Mapping[str, str], float]

_COMPARED: Final[Mapping[str, Callable[[float, float], bool]]] = {
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
}
# What moves with requests is counted in tests of its own places, and judged by promtool; these are seen below.
COUNTED: Final = {
    "PaygwFileRefused", "PaygwPickupFails", "PaygwForgedWebhooks", "PaygwForgedReturns", "PaygwWebhookSlow",
    "PaygwCallersRefused", "PaygwJobFails", "PaygwDatabaseContended", "PaygwErrorBudgetFast", "PaygwErrorBudgetSlow",
    "PaygwErrorBudgetDrip", "PaygwCreateSlow",
}  # fmt: skip
_SHOWING: Final = (
    "PaygwUnappliedAgeing", "PaygwBreakOverdue", "PaygwFirstPassLow", "PaygwUnknownAgeing", "PaygwAutomationUndone",
    "PaygwNightLate", "PaygwBankCircuitOpen", "PaygwCallbacksLate", "PaygwCallbackDead",
)  # fmt: skip
_SEALED: Final = {"PaygwAuditBroken"}  # only what was sealed before can be found changed
UNHEARD: Final = {"PaygwProcessDown", "PaygwBooksUnseen", "PaygwProofNeverMade", "PaygwDiskLow"}


@pytest.fixture
async def site(hub: Hub, database: Database, tmp_path: Path) -> AsyncIterator[Site]:
    """A hub at work to whom nothing bad has happened."""
    async with healthy(hub, database, tmp_path) as made:
        yield made


async def scrape(site: Site, *calls: tuple[str, str]) -> list[Sample]:
    """What a monitor reads from the hub, after these requests."""
    app = create_app(replace(site.hub, observe=Metrics()), serving=site.serving)
    for method, target in calls:
        await call(app, method, target)
    got = await call(app, "GET", "/metrics", client="127.0.0.1")
    return [(one.name, one.labels, one.value) for family in families(got.text) for one in family.samples]


def values(name: str, samples: list[Sample]) -> list[float]:
    """The values an alert compares, one per series, without its aggregation over processes."""
    asked = [selectors(RECORDS[one.name]) if one.name in RECORDS else [one] for one in selectors(ALERTS[name]["expr"])]
    read = [[value for made in one for series, labels, value in samples if made.picks(series, labels)] for one in asked]
    if name == "PaygwPoolFull":
        in_use, size = read
        return [used / most for used, most in zip(in_use, size, strict=True)]
    return [abs(value) if "abs(" in ALERTS[name]["expr"] else value for value in read[0]]


def crossed(name: str, samples: list[Sample]) -> bool:
    """Whether the limit of the rule is crossed."""
    expr = ALERTS[name]["expr"]
    found = values(name, samples)
    if inner := re.fullmatch(r"count\((.*)\) > (\d+)", expr):
        sign, limit = threshold(inner.group(1))
        return sum(_COMPARED[sign](value, limit) for value in found) > int(inner.group(2))
    sign, limit = threshold(expr)
    return any(_COMPARED[sign](value, limit) for value in found)


def test_every_alert_is_planted_counted_or_about_silence() -> None:
    assert set(PLANTS) | COUNTED | UNHEARD == set(ALERTS)
    assert len(PLANTS) + len(COUNTED) + len(UNHEARD) == len(ALERTS)


async def test_nobody_is_called_while_all_is_well(site: Site) -> None:
    samples = await scrape(site)

    assert [name for name in PLANTS if crossed(name, samples)] == []
    seen = {name for name, _, _ in samples}
    assert {"paygw_ledger_imbalance_vnd", "paygw_audit_verify_ok", "paygw_clearing_difference_vnd"} <= seen


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.alone if name in _SEALED else ()) for name in PLANTS]
)
async def test_a_planted_state_crosses_the_limit_of_its_rule(site: Site, name: str) -> None:
    await PLANTS[name](site)

    samples = await scrape(site)

    assert crossed(name, samples)
    assert {one.name for one in selectors(ALERTS[name]["expr"])} <= {series for series, _, _ in samples} | set(RECORDS)


async def test_silence_is_heard_because_the_series_is_gone(site: Site) -> None:
    await site.hub.pool.close()

    seen = {name for name, _, _ in await scrape(site)}

    assert {one.name for one in selectors(ALERTS["PaygwBooksUnseen"]["expr"])} & seen == set()
    assert "paygw_build_info" in seen


async def test_a_proof_never_made_has_no_age(hub: Hub, database: Database, tmp_path: Path) -> None:
    async with healthy(hub, database, tmp_path) as site:
        await site.run("DELETE FROM measures")
        samples = await scrape(site)

    assert [name for name, _, _ in samples if name == "paygw_measure_age_seconds"] == []


async def test_the_disk_told_is_the_disk_of_the_data(site: Site) -> None:
    samples = await scrape(site)
    disk = shutil.disk_usage(site.hub.settings.var)

    assert [value for name, _, value in samples if name == "paygw_disk_free_ratio"] == [
        pytest.approx(disk.free / disk.total, abs=0.05)
    ]


async def test_requests_are_seen_by_the_rules_that_watch_them(site: Site) -> None:
    samples = await scrape(site, ("POST", "/webhooks/sandbox-a"), ("POST", "/v1/orders"), ("GET", "/v1/banks"))

    asked = {
        one
        for name in ("PaygwForgedWebhooks", "PaygwWebhookSlow", "PaygwCallersRefused", "PaygwCreateSlow")
        for one in selectors(RECORDS.get(str(ALERTS[name]["expr"]).split(" ", 1)[0], ALERTS[name]["expr"]))
    }
    assert [one for one in asked if not any(one.picks(name, labels) for name, labels, _ in samples)] == []


async def test_every_metric_of_the_table_can_be_seen(site: Site) -> None:
    for name in _SHOWING:
        await PLANTS[name](site)
    await site.run("INSERT INTO ledger_rules (bank, rule, moved_vnd) VALUES ('sandbox-a', '3', 205000)")

    app = create_app(replace(site.hub, observe=Metrics()), serving=site.serving)
    got = await call(app, "GET", "/metrics", client="127.0.0.1")

    told = set(re.findall(r"^# TYPE (\w+) ", got.text, re.MULTILINE))
    assert set(METRICS) - told == set()
