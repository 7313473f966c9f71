"""No statement walks a table that only grows: each has an index for what it asks, or is named below with its reason."""

import importlib
import pkgutil
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import psycopg
import pytest

import paygw.store
from tests.db_fixtures import Database

pytestmark = pytest.mark.db

GROWING: Final = frozenset({
    "attempts", "deliveries", "events", "evidence", "file_lines", "ledger", "messages", "obligations", "order_lines",
    "orders", "receipt_aliases", "receipts", "refunds", "reversals", "settlement_lines", "slices",
})  # fmt: skip
WALKS: Final = {
    "gauges._OLDEST": "the oldest of the few refunds that are open",
    "ledger_checks._": "an audit reads everything",
    "orders._ORDER": "the beginning of two statements",
    "position._ENTRIES": "the proof reads the whole ledger",
    "restores._ASK_AGAIN": "after a restore, once",
}
_STATEMENT: Final = re.compile(r"\s*(WITH|SELECT|UPDATE|DELETE|INSERT)\b")
_EXPLAIN: Final = "EXPLAIN (GENERIC_PLAN, FORMAT JSON) "
_PARTS: Final = (psycopg.errors.SyntaxError, psycopg.errors.UndefinedTable)  # of a statement: seen in what it becomes
_STATEMENTS_MIN: Final = 100
_GENERIC_PLANS: Final = 160_000  # the version that can plan a statement without its values


def _statements() -> Iterator[tuple[str, str]]:
    """Every statement the store holds as text, by where it stands; templates with holes are seen in what they fill."""
    for module in pkgutil.iter_modules(paygw.store.__path__):
        if not module.ispkg:
            held = vars(importlib.import_module(f"paygw.store.{module.name}"))
            for name, value in held.items():
                if name.isupper() and isinstance(value, str) and _STATEMENT.match(value) and "{" not in value:
                    yield f"{module.name}.{name}", value


def _walked(node: Mapping[str, Any]) -> Iterator[str]:
    """Tables a plan reads from one end to the other although it need not: sequential scans were forbidden."""
    if node["Node Type"] == "Seq Scan" and node["Relation Name"] in GROWING:
        yield node["Relation Name"]
    for part in node.get("Plans", ()):
        yield from _walked(part)


@pytest.fixture
def planner(database: Database) -> Iterator[psycopg.Connection[Any]]:
    """A session that walks a table only where there is no other way."""
    with psycopg.connect(**database.owner.connect_args_libpq(), autocommit=True) as session:  # type: ignore[arg-type]  # psycopg wants literals
        session.execute("SET enable_seqscan = off")
        yield session


def test_statements_have_ways_that_do_not_grow(planner: psycopg.Connection[Any]) -> None:
    if planner.info.server_version < _GENERIC_PLANS:
        pytest.skip("this server cannot plan a statement without its values")
    walks, planned = {}, set[str]()
    for name, sql in _statements():
        try:
            plan = planner.execute(_EXPLAIN + sql).fetchone()
        except _PARTS:
            continue
        assert plan is not None
        planned.add(name)
        if found := sorted(set(_walked(plan[0][0]["Plan"]))):
            walks[name] = found

    strange = {name: found for name, found in walks.items() if not any(map(name.startswith, WALKS))}
    assert strange == {}
    assert len(planned) > _STATEMENTS_MIN
