"""Each rule of the catalogue shape on the smallest tariff that shows it."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paygw.kernel.fees.catalogue import calculate, parse_catalogue
from paygw.kernel.fees.errors import FeeError
from tests.kernel.fees.small import CODE, amount, catalogue, quoted, schedule, source

HALF = {"id": "half", "multiply": "1/2"}


@pytest.mark.parametrize(
    ("x", "due"), [(0, 10), (99, 10), (100, 20), (101, 30), (200, 30), (201, 30 + 1), (10_000, 30 + 4900)]
)
def test_row_brackets_take_bounds_below_and_upto_to_the_dong(x: int, due: int) -> None:
    rows = [
        {"below": 100, "fixed": 10},
        {"upto": 100, "fixed": 20},
        {"upto": 200, "fixed": 30},
        {"fixed": 30, "rate": "50%", "over": 200},
    ]

    assert amount({"base": {"brackets": {"of": "x", "mode": "row", "rows": rows}}}, x=x) == due


def test_a_value_beyond_the_last_row_is_an_error_not_zero() -> None:
    base = {"brackets": {"of": "x", "mode": "row", "rows": [{"upto": 100, "fixed": 10}]}}

    assert amount({"base": base}, x=100) == 10
    with pytest.raises(FeeError, match="no_case_matches"):
        amount({"base": base}, x=101)


@pytest.mark.parametrize(("d", "due"), [("0", 0), ("10", 50_000), ("10.01", 50_070), ("30", 50_000 + 140_000)])
def test_marginal_brackets_price_each_slice(d: str, due: int) -> None:
    rows = [{"upto": 10, "rate": "5000"}, {"rate": "7000"}]

    assert amount({"base": {"brackets": {"of": "d", "mode": "marginal", "rows": rows}}}, d=d) == due


def test_row_min_lifts_only_its_own_row() -> None:
    rows = [{"upto": 100, "rate": "1%", "row_min": 50}, {"rate": "1%"}]
    component = {"base": {"brackets": {"of": "x", "mode": "row", "rows": rows}}}

    assert amount(component, x=100) == 50
    assert amount(component, x=1000) == 10


@given(cuts=st.lists(st.integers(0, 10**9), min_size=1, max_size=5))
def test_instalments_add_up_to_the_fee_on_the_whole(cuts: list[int]) -> None:
    rows = [
        {"upto": 10**6, "fixed": 0},
        {"upto": 10**8, "rate": "3%"},
        {"fixed": 3 * 10**6, "rate": "1%", "over": 10**8},
    ]
    tables = {"base": {"brackets": {"of": "x", "cumulative_from": "n * 1000000 + d", "mode": "row", "rows": rows}}}
    whole = {"base": {"brackets": {"of": "x", "mode": "row", "rows": rows}}}
    facts = {"x": {"type": "money"}, "n": {"type": "money", "default": 0}, "d": {"type": "money", "default": 0}}
    by_parts, at_once = (parse_catalogue({"f": source(schedule(c), facts=facts)}) for c in (tables, whole))
    exact, before = Fraction(0), 0
    for cut in cuts:
        steps = calculate(
            by_parts,
            procedure=CODE,
            province=None,
            as_of="2025-01-01",
            facts={"x": cut, "n": before // 10**6, "d": before % 10**6},
        )
        exact += steps.components[0].steps[0].after
        before += cut

    total = calculate(at_once, procedure=CODE, province=None, as_of="2025-01-01", facts={"x": before})
    assert exact == total.components[0].steps[0].after


@pytest.mark.parametrize(("n", "due"), [(0, 0), (1, 0), (2, 0), (3, 500), (10, 4000)])
def test_free_units_are_never_paid_back(n: int, due: int) -> None:
    assert amount({"base": {"per_unit": {"quantity": "n", "price": 500, "free": 2}}}, n=n) == due


@pytest.mark.parametrize(("x", "due"), [(0, 0), (100, 10), (150, 11), (200, 10), (300, 15)])
def test_interpolated_rate_is_clamped_outside_its_points(x: int, due: int) -> None:
    base = {"interpolated_rate": {"of": "x", "points": [[100, "10%"], [200, "5%"]]}}

    assert amount({"base": base}, x=x) == due


def test_a_case_that_wins_without_an_inner_row_does_not_fall_through() -> None:
    inner = {"id": "inner", "when": "kind == 'a'", "cases": [{"id": "only", "when": "yes", "fixed": 1}]}
    component = {"base": {"cases": [inner, {"id": "rest", "fixed": 2}]}}

    assert amount(component, yes=True) == 1
    assert amount(component, kind="b") == 2
    with pytest.raises(FeeError, match="no_case_matches"):
        amount(component)


@pytest.mark.parametrize("day", ["2025-01-01", "2025-12-31"])
def test_a_window_holds_on_its_first_and_last_day(day: str) -> None:
    half = {**HALF, "from": "2025-01-01", "to": "2025-12-31"}
    component = {"base": {"fixed": 100}, "modifiers": [half]}

    assert amount(component, day) == 50
    assert amount(component, "2024-12-31") == 100
    assert amount(component, "2026-01-01") == 100


def test_best_of_a_group_applies_where_its_first_member_stands() -> None:
    modifiers = [
        {"id": "first", "group": "g", "from": "2030-01-01", "multiply": "1/10"},
        {"id": "plus", "add": 100},
        {"id": "third", "group": "g", "multiply": "1/2"},
        {"id": "tied", "group": "g", "multiply": "1/2"},
    ]

    quote = quoted({"base": {"fixed": 1000}, "modifiers": modifiers})

    assert quote.explain == ("c:mod:third", "c:mod:plus")
    assert quote.total_vnd == 600


@given(
    x=st.integers(0, 10**6),
    factors=st.lists(st.tuples(st.integers(0, 30), st.integers(1, 20)), min_size=1, max_size=5),
)
def test_best_of_never_exceeds_any_member(x: int, factors: list[tuple[int, int]]) -> None:
    members = [{"id": f"m{i}", "group": "g", "multiply": f"{p}/{q}"} for i, (p, q) in enumerate(factors)]

    together = amount({"base": {"expr": "x"}, "modifiers": members}, x=x)

    assert together == min(amount({"base": {"expr": "x"}, "modifiers": [member]}, x=x) for member in members)


def test_ungrouped_modifiers_multiply_up() -> None:
    modifiers = [HALF, {"id": "online", "multiply": "4/5"}]

    assert amount({"base": {"fixed": 1000}, "modifiers": modifiers}) == 400


def test_a_cap_before_relief_differs_from_a_cap_after_it() -> None:
    relief = [{"id": "off", "percent_off": {"pct": "10"}}]

    assert amount({"base": {"expr": "x"}, "base_limits": {"max": 500}, "modifiers": relief}, x=1000) == 450
    assert amount({"base": {"expr": "x"}, "limits": {"max": 500}, "modifiers": relief}, x=1000) == 500


def test_percent_off_is_capped() -> None:
    component = {"base": {"expr": "x"}, "modifiers": [{"id": "off", "percent_off": {"pct": "12.5", "max": "n * 10"}}]}

    assert amount(component, x=1000, n=100) == 875
    assert amount(component, x=1000, n=5) == 950


@given(x=st.integers(0, 1000), least=st.integers(1, 5000))
def test_an_exemption_beats_a_floor_and_nothing_lifts_zero(x: int, least: int) -> None:
    component = {"base": {"expr": "x"}, "exemptions": [{"id": "poor", "when": "yes"}], "limits": {"min": least}}

    assert amount(component, x=x, yes=True) == 0
    assert amount(component, x=x) == (max(x, least) if x else 0)


def test_a_surcharge_is_no_relief_and_a_waiver_shows_what_was_given_up() -> None:
    modifiers = [{"id": "fast", "multiply": "3/2"}, {**HALF, "when": "also"}]
    component = {"base": {"fixed": 1000}, "modifiers": modifiers, "exemptions": [{"id": "poor", "when": "yes"}]}

    assert [(c.amount_vnd, c.before_relief_vnd) for c in quoted(component).components] == [(1500, 1500)]
    assert [(c.amount_vnd, c.waived_vnd) for c in quoted(component, also=True).components] == [(750, 750)]
    assert [(c.amount_vnd, c.waived_vnd) for c in quoted(component, yes=True).components] == [(0, 1500)]


@pytest.mark.parametrize(
    ("rounding", "due"),
    [
        (None, 3),
        ({"to": 1, "mode": "down"}, 2),
        ({"to": 5, "mode": "half_up"}, 5),
        ({"to": 5, "mode": "down"}, 0),
        ({"to": 1000}, 0),
    ],
)
def test_money_is_rounded_once_at_the_end(rounding: dict[str, Any] | None, due: int) -> None:
    component: dict[str, Any] = {"base": {"expr": "n / 2"}, **({"round": rounding} if rounding else {})}

    assert amount(component, n=5) == due


def test_an_amount_never_goes_below_zero() -> None:
    assert amount({"base": {"fixed": 100}, "modifiers": [{"id": "off", "add": -500}, {"id": "on", "add": 30}]}) == 30


def test_zero_exempt_not_applicable_and_charged_are_different_answers() -> None:
    component = {"base": {"expr": "x"}, "when": "!also", "exemptions": [{"id": "poor", "when": "yes"}]}

    assert quoted(component).outcome == "free"
    assert quoted(component, yes=True).outcome == "exempt"
    assert quoted(component, also=True).outcome == "not_applicable"
    assert quoted(component, x=1).outcome == "charged"


@pytest.mark.parametrize(
    ("born", "on", "years"),
    [
        ("2004-02-29", "2020-02-29", 16),
        ("2004-02-29", "2022-02-28", 17),
        ("2004-02-29", "2022-03-01", 18),
        ("2001-06-15", "2025-06-14", 23),
        ("2001-06-15", "2025-06-15", 24),
    ],
)
def test_a_birthday_counts_on_the_day_itself(born: str, on: str, years: int) -> None:
    assert amount({"base": {"expr": "age(born, as_of)"}}, on, born=born) == years


def test_days_are_counted_from_the_first_to_the_second() -> None:
    assert amount({"base": {"expr": "days(born, as_of)"}}, "2025-03-02", born="2025-01-01") == 60


def test_parameters_follow_the_legal_date() -> None:
    params = {
        "salary": [{"from": "2020-01-01", "to": "2024-06-30", "value": 100}, {"from": "2024-07-01", "value": "200.5"}]
    }
    found = catalogue({"base": {"expr": "2 * param.salary"}}, params=params)

    due = [
        calculate(found, procedure=CODE, province=None, as_of=day, facts={}).total_vnd
        for day in ("2024-06-30", "2024-07-01")
    ]

    assert due == [200, 401]


def test_a_provincial_schedule_replaces_the_national_one_while_in_force() -> None:
    local = schedule(
        {"base": {"fixed": 5}}, id="l", jurisdiction="01", effective_from="2025-01-01", effective_to="2025-12-31"
    )
    found = parse_catalogue({"f": source(schedule({"base": {"fixed": 9}}), local)})

    def schedule_on(day: str, province: str | None) -> str:
        return calculate(found, procedure=CODE, province=province, as_of=day, facts={}).schedule

    assert [schedule_on(day, "01") for day in ("2024-12-31", "2025-01-01", "2025-12-31", "2026-01-01")] == [
        "s",
        "l",
        "l",
        "s",
    ]
    assert schedule_on("2025-06-01", "79") == schedule_on("2025-06-01", None) == "s"


@pytest.mark.parametrize("province", ["1", "001", "VN", " 01", 1, True, "０１"])
def test_a_province_that_is_no_code_is_a_bad_request(province: object) -> None:
    with pytest.raises(FeeError, match="bad_request"):
        calculate(catalogue({"base": {"fixed": 1}}), procedure=CODE, province=province, as_of="2025-01-01", facts={})


@pytest.mark.parametrize(
    "as_of", [None, 20250101, "2025-1-1", "20250101", "2025-W01-1", "2025-01-01T00:00", "２０２５-01-01"]
)
def test_a_date_in_any_other_form_is_a_bad_request(as_of: object) -> None:
    with pytest.raises(FeeError, match="bad_request"):
        calculate(catalogue({"base": {"fixed": 1}}), procedure=CODE, province=None, as_of=as_of, facts={})


def test_facts_are_refused_in_file_order_after_unknown_names() -> None:
    found = catalogue({"base": {"fixed": 1}})

    def refused(facts: dict[str, object]) -> tuple[str, str | None]:
        with pytest.raises(FeeError) as error:
            calculate(found, procedure=CODE, province=None, as_of="2025-01-01", facts=facts)
        return error.value.code, error.value.fact

    assert refused({"kind": "z", "n": -1}) == ("out_of_range", "n")
    assert refused({"kind": "z", "n": 1}) == ("bad_enum", "kind")
    assert refused({"n": -1, "zzz": 1}) == ("unknown_fact", "zzz")
    assert refused({"d": "1.234"}) == ("bad_type", "d")
    assert refused({"d": "1000.01"}) == ("out_of_range", "d")
    assert refused({"kind": ["a"]}) == ("bad_type", "kind")
    assert refused({"born": None}) == ("bad_type", "born")
