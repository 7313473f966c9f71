"""The expression language: what it reads, what it refuses, and that compiled and walked values agree."""

from fractions import Fraction

import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from paygw.kernel.fees.compile import names_of, number_term, predicate
from paygw.kernel.fees.grammar import BadExpression, parse
from paygw.kernel.fees.model import Fact
from paygw.kernel.fees.reading import fact_sort
from paygw.kernel.fees.sorts import sort_of
from tests.kernel.fees.oracle import _walk

FACTS = (Fact("a", "int", low=-50, high=50), Fact("b", "decimal", low=1, high=5000, scale=2), Fact("yes", "bool"))
SCOPE = {fact.name: fact_sort(fact) for fact in FACTS}

_NUMBERS = st.recursive(
    st.sampled_from(["a", "b", "0", "3", "7", "param.p"]),
    lambda inner: st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from("+-*/"), inner),
        st.builds("max({}, {})".format, inner, inner),
        st.builds("min({}, {}, {})".format, inner, inner, inner),
        st.builds("round({})".format, inner),
        st.builds("(yes && {} < {} ? {} : -{})".format, inner, inner, inner, inner),
        st.builds("({} in [{}, 3] ? 1 : {})".format, inner, inner, inner),
    ),
    max_leaves=8,
)


@given(text=_NUMBERS, a=st.integers(-50, 50), b=st.integers(1, 5000), yes=st.booleans())
def test_compiled_numbers_are_exactly_the_walked_ones_and_stay_in_their_range(
    text: str, a: int, b: int, *, yes: bool
) -> None:
    param = Fraction("2.5")
    try:
        expr = parse(text)
        sort = sort_of(expr, {**SCOPE, "param.p": fact_sort(Fact("p", "decimal", low=25, high=25, scale=1))})
    except BadExpression:
        reject()
    compiled = number_term(expr, names_of(FACTS, {"p": param})).value([None, "", a, b, yes])

    walked = _walk(expr, {"a": Fraction(a), "b": Fraction(b, 100), "yes": yes, "param.p": param})

    assert compiled == walked
    assert sort.low <= compiled <= sort.high


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("1 + 2 * 3 == 7", True),
        ("(1 + 2) * 3 == 9", True),
        ("7 - 2 - 1 == 4", True),
        ("8 / 4 / 2 == 1", True),
        ("1 / 3 * 3 == 1", True),
        ("-a == 0 - 4", True),
        ("yes || yes && !yes", True),
        ("!(yes || yes) || yes", True),
        ("a in [1, 4]", True),
        ("\"x\" == 'x'", True),
        ("yes ? a > 5 : a > 3", False),
        ("round(5 / 2) == 3 && round(-5 / 2) == -2", True),
        ("date('2024-02-29') < date('2024-03-01')", True),
        ("days(date('2024-02-28'), date('2024-03-01')) == 2", True),
    ],
)
def test_operators_bind_as_in_cel(text: str, *, holds: bool) -> None:
    assert predicate(parse(text), names_of(FACTS, {}))([None, "", 4, 100, True]) is holds


@given(st.text(alphabet="ab1 +-*/()[]<>=!&|?:,.'\"paramdeinx_\n\\é", max_size=60))
def test_any_text_is_an_expression_or_is_refused(text: str) -> None:
    try:
        parse(text)
    except BadExpression as refusal:
        assert str(refusal).endswith(".")  # noqa: PT017 - both outcomes are right, the refusal must be a sentence


@pytest.mark.parametrize(
    "text", ["a = 1", "a.b", "a[0]", "f(a)", "1.5", "a < b < 3", "a; b", "lambda: 1", "__import__('os')", "a in []"]
)
def test_what_the_language_has_not_is_refused(text: str) -> None:
    with pytest.raises(BadExpression):
        parse(text)
