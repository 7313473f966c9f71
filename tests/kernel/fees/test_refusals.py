# ruff: noqa: ANN401 - raw YAML has no types
"""Catalogues that must not be published, and why: each refusal names file, line, path and says a sentence."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from paygw.kernel.fees.catalogue import Catalogue, calculate, load_catalogue, parse_catalogue
from paygw.kernel.fees.errors import BadCatalogue, FeeError
from paygw.kernel.fees.quote import Quote
from tests.kernel.fees.small import CODE, FACTS, schedule, source

BOMB = "a: &a [x, x, x, x, x, x, x, x]\n" + "".join(
    f"k{i}: &{name} [{', '.join([f'*{before}'] * 20)}]\n"
    for i, (before, name) in enumerate(zip("abcdefg", "bcdefgh", strict=True))
)
FIXED = {"base": {"fixed": 1}}


def refusal(text: str) -> BadCatalogue:
    """The error of a catalogue file that must be refused."""
    with pytest.raises(BadCatalogue) as refused:
        parse_catalogue({"bad.yaml": text})
    return refused.value


def component_refusal(component: dict[str, Any], **sections: Any) -> BadCatalogue:
    return refusal(source(schedule({**FIXED, **component}), **sections))


def _brackets(*rows: dict[str, Any], mode: str = "row") -> dict[str, Any]:
    return {"base": {"brackets": {"of": "x", "mode": mode, "rows": list(rows)}}}


@pytest.mark.parametrize(
    ("component", "path", "says"),
    [
        ({"base": {"expr": "nobody + 1"}}, "base.expr", "not declared"),
        ({"base": {"expr": "x / n"}}, "base.expr", "could meet zero"),
        ({"base": {"expr": "yes"}}, "base.expr", "needs a number"),
        ({"base": {"expr": "x +"}}, "base.expr", "is not an expression"),
        ({"base": {"expr": "age(n, as_of)"}}, "base.expr", "needs a day"),
        ({"base": {"expr": "days(born)"}}, "base.expr", "takes 2 values"),
        ({"base": {"expr": "x > 'a' ? 1 : 2"}}, "base.expr", "compares a number with text"),
        ({"base": {"expr": "kind < 'b' ? 1 : 2"}}, "base.expr", "orders numbers and days only"),
        ({"base": {"expr": "yes ? 1 : 'a'"}}, "base.expr", "of one kind"),
        ({"base": {"expr": "(" * 40 + "x" + " + 1)" * 40}}, "base.expr", "at most"),
        ({"base": {"expr": "1 + " * 200 + "1"}}, "base.expr", "at most"),
        ({"base": {"expr": "param.none"}}, "base.expr", "not declared"),
        ({"base": {"fixed": -1}}, "base.fixed", "0 or more"),
        ({"base": {"fixed": 1, "expr": "x"}}, "base", "Exactly one of"),
        ({"base": {}}, "base", "Exactly one of"),
        ({"base": {"cases": []}}, "base.cases", "at least one entry"),
        ({"base": {"cases": [{"id": "a", "fixed": 1}, {"id": "b", "fixed": 2}]}}, "base.cases[a]", "never win"),
        ({"when": "kind == 'z'"}, "when", "no value in common"),
        ({"when": "kind in ['a', 'z']"}, "when", "no value in common"),
        ({"when": "n"}, "when", "needs true or false"),
        (_brackets({"upto": 5, "fixed": 1}, {"below": 5, "fixed": 2}), "rows", "must rise"),
        (_brackets({"upto": 5, "rate": 1}, {"upto": 5, "rate": 2}, mode="marginal"), "rows", "must rise"),
        (_brackets({"upto": 0, "rate": 1}, mode="marginal"), "rows", "must rise"),
        (_brackets({"fixed": 1}, {"upto": 5, "fixed": 2}), "rows[0]", "no bound"),
        (_brackets({"upto": "n", "fixed": 1}), "upto", "no facts"),
        (_brackets({"upto": 5}), "rows[0]", "never 0"),
        (_brackets({"upto": 5, "below": 5, "fixed": 1}), "rows[0]", "not both"),
        ({"base": {"interpolated_rate": {"of": "x", "points": [[2, "1%"], [2, "2%"]]}}}, "points[1]", "must rise"),
        ({"modifiers": [{"id": "m", "multiply": "1/2", "add": 1}]}, "modifiers[m]", "Exactly one of"),
        ({"modifiers": [{"id": "m", "multiply": 1}, {"id": "m", "add": 1}]}, "modifiers[m]", "appears twice"),
        ({"modifiers": [{"id": "m", "percent_off": {"pct": "101"}}]}, "pct", "0 to 100"),
        ({"modifiers": [{"id": "m", "add": 1, "from": "2025-02-01", "to": "2025-01-01"}]}, "to", "lies before"),
        ({"exemptions": [{"id": "e"}]}, "exemptions[e]", "'when' is missing"),
        ({"limits": {"min": 5, "max": 4}}, "limits", "above"),
        ({"limits": {}}, "limits", "need 'min' or 'max'"),
        ({"round": {"to": 0}}, "round.to", "whole number"),
        ({"round": {"to": 1, "mode": "up"}}, "round.mode", "One of"),
        ({"split": "nowhere"}, "split", "not declared"),
        ({"type": "le_phi", "split": "half"}, "split", "budget whole"),
        ({"type": "fee"}, "type", "One of"),
        ({"ndkt": "12"}, "ndkt", "four digits"),
        ({"tmies": 2}, "tmies", "not a key here"),
    ],
)
def test_a_component_that_makes_no_sense_is_refused(component: dict[str, Any], path: str, says: str) -> None:
    splits = {"half": [{"to": "retained", "pct": "50"}, {"to": "treasury", "rest": True}]}

    error = component_refusal(component, splits=splits)

    assert error.kind == "bad_catalogue"
    assert path in error.path
    assert error.path.startswith(f"procedures[{CODE}].schedules[s].components[c]")
    assert says in error.message


@pytest.mark.parametrize(
    ("fact", "says"),
    [
        ({"type": "float"}, "One of"),
        ({"type": "int", "min": 5, "max": 4}, "above"),
        ({"type": "int", "default": "3"}, "default"),
        ({"type": "int", "default": 3, "max": 2}, "default"),
        ({"type": "enum", "values": ["a", "a"]}, "appears twice"),
        ({"type": "enum", "values": ["a"], "default": "b"}, "default"),
        ({"type": "enum"}, "'values' is missing"),
        ({"type": "bool", "min": 1}, "not a key here"),
        ({"type": "decimal", "scale": 99}, "whole number"),
        ({"type": "decimal", "scale": 1, "min": "0.15"}, "at most 1 decimals"),
        ({}, "'type' is missing"),
    ],
)
def test_a_fact_that_makes_no_sense_is_refused(fact: dict[str, Any], says: str) -> None:
    error = refusal(source(schedule(FIXED), facts={"f": fact}))

    assert says in error.message
    assert error.path.startswith(f"procedures[{CODE}].facts.f")


@pytest.mark.parametrize("name", ["as_of", "param", "in", "a-b", "1a", "phí"])
def test_a_fact_cannot_take_a_name_of_the_language(name: str) -> None:
    assert "cannot be the name" in refusal(source(schedule(FIXED), facts={name: {"type": "bool"}})).message


def test_a_parameter_must_cover_every_day_it_is_used_on() -> None:
    rows = [{"from": "2020-01-01", "to": "2020-12-31", "value": 1}, {"from": "2021-01-02", "value": 2}]

    error = component_refusal({"base": {"expr": "param.p"}}, params={"p": rows})

    assert "no value on 2021-01-01" in error.message


def test_two_values_of_a_parameter_never_cover_one_day() -> None:
    rows = [{"from": "2020-01-01", "value": 1}, {"from": "2021-01-01", "value": 2}]

    assert "cover 2021-01-01" in component_refusal({}, params={"p": rows}).message


@pytest.mark.parametrize(
    "shares",
    [
        [{"to": "a", "pct": "100"}],
        [{"to": "a", "pct": "60"}, {"to": "b", "pct": "50"}, {"to": "t", "rest": True}],
        [{"to": "a", "pct": "0"}, {"to": "t", "rest": True}],
        [{"to": "a", "pct": "0.00001"}, {"to": "t", "rest": True}],
        [{"to": "a", "pct": "5", "rest": True}],
        [{"to": "t", "rest": True}, {"to": "t", "pct": "5"}],
    ],
)
def test_a_split_that_cannot_divide_every_amount_is_refused(shares: list[dict[str, Any]]) -> None:
    assert component_refusal({}, splits={"s": shares}).path.startswith("splits.s")


def test_schedules_that_share_a_day_are_ambiguous_and_neighbours_are_not() -> None:
    first = schedule(FIXED, id="a", effective_to="2020-12-31")
    touching, next_day = (schedule(FIXED, id="b", effective_from=day) for day in ("2020-12-31", "2021-01-01"))

    error = refusal(source(first, touching))

    assert (error.kind, error.path) == ("ambiguous_schedule", f"procedures[{CODE}].schedules[b]")
    assert "2020-12-31" in error.message
    assert CODE in parse_catalogue({"good.yaml": source(first, next_day)}).procedures


@pytest.mark.parametrize(
    ("text", "at", "path", "says"),
    [
        ("a: 1\nb: 1.5\n", 2, "b", "not an exact whole number"),
        ("a: [1, {b: 1e3}]", 1, "a[1].b", "not an exact whole number"),
        ("a: .nan", 1, "a", "not an exact whole number"),
        ("a: 01", 1, "a", "codes in quotes"),
        ("a: 2025-02-30", 1, "a", "not a day of the calendar"),
        ("a: 1\n\na: 2", 3, "a", "appears twice"),
        ("a: !!python/object/apply:os.system [ls]", 1, "a", "Tags"),
        ("a: !x 1", 1, "a", "Tags"),
        ("a: &a [*a]", 1, "a[0]", "no finished anchor"),
        ("a: [1\n", 2, "a", "not YAML"),
        ("? [a]\n: 1", 1, "document", "plain text"),
        ("--- 1\n--- 2", 2, "document", "one document"),
        ("", 1, "document", "empty"),
        ("a: " + "[" * 100, 1, "a[0]", "deeper"),
        ("a: \x07", 1, "document", "not YAML"),
        (BOMB, 5, "k3", "expands"),
        ("just text", 1, "document", "mapping"),
        ("procedures: {}", 1, "procedures", "list"),
        ("other: 1", 1, "other", "not a key here"),
        ("schema: paygw.fees/v2", 1, "schema", "One of"),
    ],
)  # fmt: skip
def test_text_that_is_not_exact_plain_data_is_refused_with_its_line(text: str, at: int, path: str, says: str) -> None:
    error = refusal(text)

    assert error.path.startswith(path)
    assert says in error.message
    assert error.at == f"bad.yaml:{at}"


def test_anchors_and_merges_are_read_and_the_line_is_that_of_the_anchor() -> None:
    text = source(schedule(FIXED)).replace('"fixed": 1', "<<: {fixed: 7}", 1)

    quote = calculate(parse_catalogue({"f": text}), procedure=CODE, province=None, as_of="2025-01-01", facts={})

    assert quote.total_vnd == 7


def test_a_procedure_declared_in_two_files_is_refused() -> None:
    with pytest.raises(BadCatalogue, match="declared twice"):
        parse_catalogue({"a.yaml": source(schedule(FIXED)), "b.yaml": source(schedule(FIXED))})


def test_files_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadCatalogue, match=r"1 to .* YAML files"):
        load_catalogue(tmp_path)
    (tmp_path / "latin.yaml").write_bytes(b"a: \xe9")
    with pytest.raises(BadCatalogue, match="UTF-8"):
        load_catalogue(tmp_path)
    with pytest.raises(BadCatalogue, match="cannot be read"):
        load_catalogue(tmp_path / "missing.yaml")


_ATOMS = st.sampled_from(
    [
        *(
            "x",
            "n",
            "d",
            "yes",
            "kind == 'a'",
            "1/2",
            "x * 2",
            "x / (n + 1)",
            "age(born, as_of)",
            "n > 3 ? x : d",
            "0",
            "5%",
        ),
        *("", "max(x, d)", "round(d / 3)", "x - 10 * n", "100 / (n - 5)", "param.p", "as_of", "2025-01-01"),
        *(0, 1, 7, 1000, -5, None, True),
    ]
)
_KEYS = st.sampled_from(
    [
        *("fixed", "expr", "per_unit", "percent", "brackets", "interpolated_rate", "cases", "unit_steps", "of", "rate"),
        *(
            "rows",
            "mode",
            "upto",
            "below",
            "quantity",
            "price",
            "steps",
            "points",
            "min",
            "max",
            "when",
            "id",
            "multiply",
        ),
        *("add", "free", "over", "row_min", "cumulative_from"),
    ]
)
_JUNK = st.recursive(
    _ATOMS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4), max_leaves=8
)
_ROWS = st.lists(
    st.fixed_dictionaries(
        {"fixed": _ATOMS}, optional={"upto": _ATOMS, "below": _ATOMS, "rate": _ATOMS, "over": _ATOMS}
    ),
    max_size=3,
)
_BASES = st.one_of(
    st.fixed_dictionaries({"expr": _ATOMS}),
    st.fixed_dictionaries({"per_unit": st.fixed_dictionaries({"quantity": _ATOMS, "price": _ATOMS})}),
    st.fixed_dictionaries({"percent": st.fixed_dictionaries({"of": _ATOMS, "rate": _ATOMS})}),
    st.fixed_dictionaries(
        {
            "brackets": st.fixed_dictionaries(
                {"of": _ATOMS, "mode": st.just("row"), "rows": _ROWS}, optional={"cumulative_from": _ATOMS}
            )
        }
    ),
    _JUNK,
)
_MODIFIERS = st.lists(
    st.one_of(
        st.fixed_dictionaries(
            {"id": st.sampled_from("abc"), "multiply": _ATOMS}, optional={"min": _ATOMS, "when": _ATOMS}
        ),
        st.fixed_dictionaries({"id": st.sampled_from("abc"), "add": _ATOMS}, optional={"group": st.just("g")}),
        _JUNK,
    ),
    max_size=3,
)
_COMPONENTS = st.fixed_dictionaries(
    {"base": _BASES},
    optional={
        "modifiers": _MODIFIERS,
        "times": _ATOMS,
        "limits": st.fixed_dictionaries({"min": _ATOMS, "max": _ATOMS}),
    },
)
_FACTS = st.fixed_dictionaries(
    {
        "n": st.integers(0, 1000),
        "x": st.integers(0, 10**15),
        "d": st.integers(0, 1000) | st.sampled_from(["0.01", "999.99"]),
        "yes": st.booleans(),
    }
)


def _loaded(component: dict[str, Any]) -> Catalogue | BadCatalogue:
    try:
        text = source(schedule(component), params={"p": [{"from": "2020-01-01", "value": 3}]})
        return parse_catalogue({"random.yaml": text})
    except BadCatalogue as error:
        return error


def _priced(found: Catalogue, facts: dict[str, object]) -> Quote | FeeError:
    try:
        return calculate(found, procedure=CODE, province=None, as_of="2025-06-15", facts=facts)
    except FeeError as error:
        return error


@settings(max_examples=600, suppress_health_check=list(HealthCheck))
@given(component=_COMPONENTS, facts=_FACTS)
def test_a_random_tariff_is_priced_or_refused_with_a_reason(
    component: dict[str, Any], facts: dict[str, object]
) -> None:
    found = _loaded(component)
    event(type(found).__name__)
    if isinstance(found, BadCatalogue):
        assert found.at.startswith("random.yaml:")
        assert found.path
        assert found.message.endswith(".")
        return
    quote = _priced(found, facts)
    if isinstance(quote, FeeError):
        assert quote.code == "no_case_matches"
        return
    for one in quote.components:
        assert 0 <= one.amount_vnd <= one.before_relief_vnd
        assert one.steps[-1].after == one.amount_vnd


def test_the_facts_of_small_catalogues_all_have_defaults() -> None:
    assert all("default" in fact for fact in FACTS.values())
