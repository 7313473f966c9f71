# ruff: noqa: ANN401 - raw YAML has no types
"""What must hold for every procedure of the starter catalogue on any valid facts."""

import json
import random
from datetime import date
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from paygw.kernel.fees.catalogue import calculate, parse_catalogue, quote_line
from paygw.kernel.fees.errors import FeeError
from paygw.kernel.fees.explain import explain_en, explain_vi
from paygw.kernel.fees.quote import Quote, document
from tests.kernel.fees.oracle import OracleRefusal
from tests.kernel.fees.starter import STARTER, requests, starter, starter_oracle

CODES = sorted(starter().procedures)
EXAMPLES = settings(max_examples=60, suppress_health_check=list(HealthCheck))


def _oracle_answer(line: dict[str, Any]) -> dict[str, object]:
    try:
        return starter_oracle().quote(
            line["procedure"], line["province"], date.fromisoformat(line["as_of"]), line["facts"]
        )
    except OracleRefusal as refusal:
        return {"error": str(refusal)}


def _quote(line: dict[str, Any]) -> Quote | None:
    try:
        return calculate(starter(), **line)
    except FeeError:
        return None


@pytest.mark.parametrize("code", CODES)
@EXAMPLES
@given(data=st.data())
def test_compiled_rules_agree_with_the_slow_oracle(code: str, data: st.DataObject) -> None:
    line = data.draw(requests(code))

    answer = quote_line(starter(), line)

    answer.pop("shares", None)
    assert answer == _oracle_answer(line)


@EXAMPLES
@given(line=st.sampled_from(CODES).flatmap(requests))
def test_shares_of_every_component_add_up_to_it(line: dict[str, Any]) -> None:
    quote = _quote(line)
    if quote is None:
        return
    for component in quote.components:
        assert sum(share.amount_vnd for share in component.shares) == component.amount_vnd
        assert all(share.amount_vnd >= 0 for share in component.shares)
    assert sum(quote.shares.values()) == quote.total_vnd == sum(c.amount_vnd for c in quote.components)


@EXAMPLES
@given(line=st.sampled_from(CODES).flatmap(requests))
def test_relief_never_raises_an_amount_and_the_steps_lead_to_it(line: dict[str, Any]) -> None:
    quote = _quote(line)
    if quote is None:
        return
    for component in quote.components:
        assert 0 <= component.amount_vnd <= component.before_relief_vnd
        assert component.steps[-1].after == component.amount_vnd
        assert (component.status == "exempt") == (component.exemption is not None)
        assert component.status == "charged" or component.amount_vnd == 0
    assert len(explain_vi(quote)) == len(explain_en(quote))
    assert document(quote)["total_vnd"] == quote.total_vnd


@EXAMPLES
@given(line=st.sampled_from(CODES).flatmap(requests))
def test_the_same_request_gives_the_same_answer(line: dict[str, Any]) -> None:
    assert quote_line(starter(), line) == quote_line(starter(), line)


def _shuffled(node: Any, rng: random.Random, *, ordered: bool = False) -> Any:
    """The same data with its keys in another order; only the order of facts means something."""
    if isinstance(node, dict):
        keys = [key for key in node if not key.startswith("x-")]
        if not ordered:
            rng.shuffle(keys)
        return {key: _shuffled(node[key], rng, ordered=key == "facts") for key in keys}
    return [_shuffled(child, rng) for child in node] if isinstance(node, list) else node


@settings(max_examples=3, phases=(Phase.generate,))
@given(seed=st.integers(0, 2**32), data=st.data())
def test_key_order_in_the_files_changes_nothing(seed: int, data: st.DataObject) -> None:
    rng = random.Random(seed)  # noqa: S311 - shuffling needs no secret
    sources = {path.name: yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(STARTER.glob("*.yaml"))}
    shuffled = {name: json.dumps(_shuffled(source, rng), default=str) for name, source in sources.items()}

    catalogue = parse_catalogue(shuffled)

    for code in CODES:
        line = data.draw(requests(code)) if code in CODES[::5] else {}
        assert quote_line(catalogue, line) == quote_line(starter(), line)
        hashes = [schedule.content_hash for schedule in catalogue.procedures[code].tariff.schedules]
        assert hashes == [schedule.content_hash for schedule in starter().procedures[code].tariff.schedules]
