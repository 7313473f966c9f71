"""JSON is read strictly: what two readers could understand differently is refused, and nothing is echoed."""

import json
from typing import Annotated, Any
from unicodedata import normalize

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paygw.web.body import AMOUNT_MAX_VND, AmountVnd, In, decode
from paygw.web.errors import Problem
from paygw.web.openapi import document
from paygw.web.pointers import pointed
from paygw.web.site import ROUTES


class Line(In, frozen=True, kw_only=True):
    """A line."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=5)]
    amount_vnd: AmountVnd = 1


class Body(In, frozen=True, kw_only=True):
    """A body."""

    lines: list[Line]
    facts: dict[str, Any] = msgspec.field(default_factory=dict)


def _refusal(text: str | bytes) -> Problem:
    with pytest.raises(Problem) as caught:
        decode(text if isinstance(text, bytes) else text.encode(), Body)
    return caught.value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        '{"lines":[]}}',
        "\ufeff{}",
        "{'lines':[]}",
        '{"lines":[],}',
        '{"lines":[],"lines":[]}',
        '{"lines":[{"name":"a","name":"b"}]}',
        '{"lines":[],"facts":{"a":NaN}}',
        '{"lines":[],"facts":{"a":-Infinity}}',
        '{"lines":[],"facts":{"a":1e999}}',
        '{"lines":[],"facts":{"a":' + "9" * 5000 + "}}",
        '{"lines":[],"facts":{"a":"\n"}}',
        '{"lines":[],"facts":{"a":' + "[" * 30 + "]" * 30 + "}}",
        "[" * 60_000,
        b'{"lines":"\xff"}',
        b'{"lines":"\xed\xa0\x80"}',
    ],
)
def test_what_is_not_strict_json_is_refused(text: str | bytes) -> None:
    assert _refusal(text).code == "malformed_json"


@pytest.mark.parametrize(
    ("text", "pointer", "code"),
    [
        ("[]", "", "wrong_type"),
        ("{}", "/lines", "missing_field"),
        ('{"lines":[],"rest":1}', "/rest", "unknown_field"),
        ('{"lines":[{"name":"a","amount_vnd":"5"}]}', "/lines/0/amount_vnd", "wrong_type"),
        ('{"lines":[{"name":"a","amount_vnd":5.0}]}', "/lines/0/amount_vnd", "wrong_type"),
        ('{"lines":[{"name":"a","amount_vnd":true}]}', "/lines/0/amount_vnd", "wrong_type"),
        ('{"lines":[{"name":"a","amount_vnd":null}]}', "/lines/0/amount_vnd", "wrong_type"),
        ('{"lines":[{"name":"a","amount_vnd":0}]}', "/lines/0/amount_vnd", "too_small"),
        ('{"lines":[{"name":"a","amount_vnd":-1}]}', "/lines/0/amount_vnd", "too_small"),
        ('{"lines":[{"name":"a","amount_vnd":1000000000001}]}', "/lines/0/amount_vnd", "too_large"),
        ('{"lines":[{"name":"toolong"}]}', "/lines/0/name", "too_long"),
        ('{"lines":[{"name":""}]}', "/lines/0/name", "too_short"),
        ('{"lines":[{"name":"a\\u0000"}]}', "/lines/0/name", "control_character"),
        ('{"lines":[{"name":"\\u202e"}]}', "/lines/0/name", "control_character"),
        ('{"lines":[{"name":"\u202e"}]}', "/lines/0/name", "control_character"),
        ('{"lines":[{"name":"\\ud800"}]}', "/lines/0/name", "control_character"),
        ('{"lines":[{"name":"e\u0301"}]}', "/lines/0/name", "not_normalized"),
        ('{"lines":[{"name":"e\\u0301"}]}', "/lines/0/name", "not_normalized"),
        ('{"lines":[],"facts":{"\\u0007":1}}', "/facts", "control_character"),
    ],
)
def test_what_is_not_asked_for_is_pointed_at(text: str, pointer: str, code: str) -> None:
    refusal = _refusal(text)

    assert (refusal.code, refusal.errors) == ("invalid_body", ((pointer, code),))


@pytest.mark.parametrize("amount_vnd", [1, AMOUNT_MAX_VND])
def test_amounts_at_the_ends_are_read(amount_vnd: int) -> None:
    read = decode(json.dumps({"lines": [{"name": "a", "amount_vnd": amount_vnd}]}).encode(), Body)

    assert read.lines[0].amount_vnd == amount_vnd


def test_brackets_in_text_are_not_depth() -> None:
    assert decode(json.dumps({"lines": [], "facts": {"a": '[{"' * 50}}).encode(), Body).facts["a"] == '[{"' * 50


def test_twenty_levels_are_read_and_one_more_is_not() -> None:
    deep = '{"lines":[],"facts":{"a":' + "[" * 18 + "]" * 18 + "}}"
    deeper = '{"lines":[],"facts":{"a":' + "[" * 19 + "]" * 19 + "}}"

    assert decode(deep.encode(), Body).lines == []
    assert _refusal(deeper).code == "malformed_json"


def test_names_the_caller_invented_are_told_only_if_they_look_like_names() -> None:
    refusal = _refusal('{"lines":[],"<b>0912345678</b>":1}')

    assert refusal.errors == (("", "unknown_field"),)


_TEXT = st.text(st.characters(exclude_categories=["Cc", "Cs", "Cf", "Zl", "Zp", "Cn"]), max_size=20)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**15), 10**15) | _TEXT.map(lambda text: normalize("NFC", text)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.from_regex(r"\A[a-z]{1,8}\Z"), inner, max_size=3),
    max_leaves=10,
)


@given(facts=st.dictionaries(st.from_regex(r"\A[a-z]{1,8}\Z"), _JSON, max_size=4), ascii_only=st.booleans())
def test_clean_json_is_read_as_it_is_however_it_is_escaped(facts: dict[str, Any], ascii_only: bool) -> None:  # noqa: FBT001 - a drawn value
    text = json.dumps({"lines": [], "facts": facts}, ensure_ascii=ascii_only)

    assert decode(text.encode(), Body, depth_max=100).facts == facts


@given(body=st.binary(max_size=60))
def test_junk_is_refused_and_never_breaks_the_reader(body: bytes) -> None:
    with pytest.raises(Problem):
        decode(b"[" + body, Body)


def test_a_sentence_nobody_knows_still_gets_a_code() -> None:
    assert pointed("Something new - at `$.a[3].b[...].c`") == ("/a/3/b", "invalid")


def test_every_body_refuses_fields_it_does_not_know() -> None:
    described = document(ROUTES)["components"]["schemas"]
    bodies = [route.body for route in ROUTES if route.body]

    assert bodies
    assert all(issubclass(body, In) for body in bodies)
    assert all(described[body.__name__]["additionalProperties"] is False for body in bodies)
