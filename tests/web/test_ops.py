"""Alive touches nothing; ready means that money can be taken; metrics are those of the table; logs hold no secret."""

import json
import logging
from dataclasses import replace
from io import StringIO

import pytest
from prometheus_client.parser import text_string_to_metric_families as families

from paygw.app import create_app
from paygw.hub.hub import Hub
from paygw.outside.logs import FIELDS, JsonLine, mask
from paygw.outside.metrics import METRICS, Metrics
from paygw.store.health import beat
from paygw.web.edge import Edge
from paygw.web.ops import Serving
from tests.db_fixtures import Database
from tests.web.asgi import call

pytestmark = pytest.mark.db


@pytest.fixture
def database(shared_database: Database) -> Database:
    """Nothing here depends on what others left in the database, but for the heartbeats."""
    return shared_database


@pytest.fixture
async def cut_off(hub: Hub) -> Hub:
    """A hub whose pool is closed."""
    await hub.pool.close()
    return hub


@pytest.fixture
async def unworked(hub: Hub) -> Hub:
    """A hub that has heard of no worker."""
    async with hub.pool.acquire() as connection:
        await connection.execute("DELETE FROM heartbeats")
    return hub


def _app(hub: Hub, *, draining: bool = False, needs_worker: bool = False, head: str = "") -> Edge:
    """A hub that gives the database all the time it needs: a test does not measure the machine."""
    serving = Serving(draining=draining, needs_worker=needs_worker, head=head, probe_s=30)
    return create_app(hub, serving=serving)


async def test_alive_needs_nothing(cut_off: Hub) -> None:
    assert (await call(_app(cut_off), "GET", "/healthz")).status == 200


async def test_ready_when_the_database_takes_writes(hub: Hub) -> None:
    got = await call(_app(hub), "GET", "/readyz")

    assert (got.status, json.loads(got.body)["reasons"]) == (200, [])


async def test_not_ready_without_the_database(cut_off: Hub) -> None:
    got = await call(_app(cut_off), "GET", "/readyz")

    assert (got.status, json.loads(got.body)["reasons"]) == (503, ["database"])


async def test_not_ready_while_the_schema_is_another(hub: Hub) -> None:
    got = await call(_app(hub, head="9999"), "GET", "/readyz")

    assert (got.status, json.loads(got.body)["reasons"]) == (503, ["migrations"])


async def test_not_ready_while_draining(hub: Hub) -> None:
    got = await call(_app(hub, draining=True), "GET", "/readyz")

    assert (got.status, json.loads(got.body)["reasons"]) == (503, ["draining"])


async def test_not_ready_when_writes_are_refused(hub: Hub) -> None:
    async with hub.pool.acquire() as connection:
        await connection.execute("SET default_transaction_read_only = on")
        got = await call(_app(replace(hub, pool=_One(connection))), "GET", "/readyz")

    assert (got.status, json.loads(got.body)["reasons"]) == (503, ["database"])


class _One:
    """A pool of one connection, already had."""

    def __init__(self, connection: object) -> None:
        self._connection = connection

    def acquire(self) -> "_One":
        return self

    async def __aenter__(self) -> object:
        return self._connection

    async def __aexit__(self, *_: object) -> None:
        return None


async def test_not_ready_while_the_disk_is_full(hub: Hub) -> None:
    full = replace(hub, settings=hub.settings.model_copy(update={"disk_free_min_pct": 100.0}))

    assert json.loads((await call(_app(full), "GET", "/readyz")).body)["reasons"] == ["disk"]


async def test_a_missing_worker_is_told_but_does_not_turn_it_red(unworked: Hub) -> None:
    got = await call(_app(unworked), "GET", "/readyz")

    assert (got.status, json.loads(got.body)["workers"]) == (200, [])


async def test_under_run_a_missing_worker_turns_it_red_until_it_speaks(unworked: Hub) -> None:
    app = _app(unworked, needs_worker=True)

    before = await call(app, "GET", "/readyz")
    async with unworked.pool.acquire() as connection:
        await beat(connection, "here:1")
    after = await call(app, "GET", "/readyz")

    assert (before.status, json.loads(before.body)["reasons"]) == (503, ["worker"])
    assert (after.status, json.loads(after.body)["workers"][0]["worker"]) == (200, "here:1")


async def test_metrics_are_read_by_a_monitor_and_stand_in_the_table(hub: Hub) -> None:
    app = _app(replace(hub, observe=Metrics()))
    await call(app, "GET", "/healthz")

    got = await call(app, "GET", "/metrics", client="127.0.0.1")

    read = {family.name: family for family in families(got.text)}
    known = {name.removesuffix("_total") for name in METRICS}
    assert set(read) <= known
    assert {"paygw_http_requests", "paygw_ledger_imbalance_vnd", "paygw_build_info"} <= set(read)
    assert [sample.value for sample in read["paygw_ledger_imbalance_vnd"].samples] == [0.0]


async def test_metrics_are_told_without_the_database(cut_off: Hub) -> None:
    got = await call(_app(replace(cut_off, observe=Metrics())), "GET", "/metrics", client="127.0.0.1")

    assert (got.status, "paygw_build_info" in got.text, "paygw_ledger" in got.text) == (200, True, False)


def test_a_metric_that_is_not_in_the_table_is_a_defect() -> None:
    with pytest.raises(KeyError):
        Metrics().count("paygw_surprises_total")


def test_a_label_that_is_not_in_the_table_is_a_defect() -> None:
    with pytest.raises(ValueError, match="label"):
        Metrics().count("paygw_auth_failures_total", person="An")


def _logged(**extra: object) -> dict[str, object]:
    stream = StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLine())
    log = logging.getLogger("paygw.trial")
    log.addHandler(handler)
    try:
        log.error("trial", extra=extra)
    finally:
        log.removeHandler(handler)
    assert stream.getvalue().count("\n") == 1
    line: dict[str, object] = json.loads(stream.getvalue())
    return line


def test_a_log_line_holds_only_listed_fields() -> None:
    line = _logged(order_id="ord_1", payer="Nguyễn Văn An", authorization="Bearer sk_test_x")

    assert set(line) == {"ts", "level", "event", "order_id", "version"}
    assert "payer" not in FIELDS


def test_a_log_line_stays_one_line_and_short() -> None:
    line = _logged(outcome="a\nb\x1b[31m" + "x" * 2000)

    assert len(str(line["outcome"])) == 512


def test_what_a_library_says_is_not_repeated() -> None:
    record = logging.LogRecord("aiohttp", logging.ERROR, __file__, 1, "GET /pay?token=%s", ("secret",), None)

    assert "secret" not in JsonLine().format(record)


def test_a_stack_is_logged_without_the_words_of_the_error() -> None:
    with pytest.raises(ValueError, match="not a number") as caught:
        int_of("0912345678x")
    info = (caught.type, caught.value, caught.tb)
    record = logging.LogRecord("paygw.http", logging.CRITICAL, __file__, 1, "defect", (), info)

    line = json.loads(JsonLine().format(record))

    assert line["code"] == "ValueError"
    assert line["stack"]
    assert "0912345678" not in str(line)


def int_of(text: str) -> int:
    """Fails with its argument in the sentence, as careless code does."""
    if not text.isdigit():
        raise ValueError(f"not a number: {text}")
    return int(text)


def test_account_numbers_are_masked_to_their_end() -> None:
    assert (mask("1020304050"), mask("123")) == ("…4050", "…")
