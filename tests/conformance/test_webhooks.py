"""What the bank signed is what we read, and nothing else is read."""

from dataclasses import asdict, replace
from datetime import timedelta
from typing import TypeAlias

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from paygw.kernel.connector import BadSignature, HttpRequest, Ignored, Malformed, Notice
from paygw.kernel.evidence import AUTHORITATIVE, AttemptSeen, AttemptStatus, Evidence, PaymentSeen
from tests.conformance.pairs import CONNECTORS, NOW, PAIRS, SIDES, Pair, sample_payment

Spoken: TypeAlias = tuple[Pair, Evidence]
each_pair = pytest.mark.parametrize("pair", [Pair(CONNECTORS[name], SIDES[name]) for name in PAIRS], ids=PAIRS)
calmly = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])


def test_what_the_bank_signed_is_what_we_read(spoken: Spoken) -> None:
    pair, evidence = spoken

    notice = pair.read(pair.told(evidence))

    assert isinstance(notice, Notice)
    assert notice.evidence == (evidence,)


def test_a_signed_webhook_has_the_authority_of_a_notice(spoken: Spoken) -> None:
    pair, evidence = spoken

    notice = pair.read(pair.told(evidence))

    assert isinstance(notice, Notice)
    assert notice.authority == AUTHORITATIVE


def test_reading_is_pure(spoken: Spoken) -> None:
    pair, evidence = spoken
    message = pair.told(evidence)

    assert pair.read(message) == pair.read(message)


def test_a_strangers_signature_is_refused(spoken: Spoken) -> None:
    pair, evidence = spoken
    forged = pair.side.tell(evidence, pair.strangers, NOW)

    with pytest.raises(BadSignature):
        pair.read(forged)


def test_the_previous_key_is_read_during_a_rotation(spoken: Spoken) -> None:
    pair, evidence = spoken
    rotated = replace(pair.secrets, values=pair.strangers.values, previous=pair.secrets.values)

    assert pair.read(pair.told(evidence), rotated) == pair.read(pair.told(evidence))
    assert isinstance(pair.read(pair.side.tell(evidence, pair.strangers, NOW), rotated), Notice)


def test_a_key_that_was_rotated_out_is_refused(spoken: Spoken) -> None:
    pair, evidence = spoken

    with pytest.raises(BadSignature):
        pair.read(pair.told(evidence), pair.strangers)


@pytest.mark.parametrize("values", [{}, {"secret": ""}], ids=["missing", "empty"])
def test_without_a_key_nothing_is_authentic(spoken: Spoken, values: dict[str, str]) -> None:
    pair, evidence = spoken
    nothing = replace(pair.secrets, values=dict.fromkeys(pair.secrets.values, "") | values if values else {})

    with pytest.raises(BadSignature):
        pair.read(pair.told(evidence), nothing)


def test_a_previous_key_alone_opens_nothing(spoken: Spoken) -> None:
    pair, evidence = spoken
    only_previous = replace(pair.secrets, values={}, previous=pair.secrets.values)

    with pytest.raises(BadSignature):
        pair.read(pair.told(evidence), only_previous)


def test_a_message_signed_with_an_empty_key_is_refused_by_a_hub_without_key(spoken: Spoken) -> None:
    pair, evidence = spoken
    nothing = replace(pair.secrets, values=dict.fromkeys(pair.secrets.values, ""))
    try:
        message = pair.side.tell(evidence, nothing, NOW)
    except ValueError:
        pytest.skip("this bank cannot sign with an empty key at all")

    with pytest.raises(BadSignature):
        pair.read(message, nothing)


def test_no_headers_no_entry(spoken: Spoken) -> None:
    pair, evidence = spoken
    message = pair.told(evidence)
    bare = replace(message, headers={}) if message.headers else replace(message, body=b"", url=_without_query(message))

    means_the_same_or_nothing(pair, bare, message)


def test_every_changed_byte_of_the_body_is_noticed(spoken: Spoken) -> None:
    pair, evidence = spoken
    message = pair.told(evidence)

    for place in range(len(message.body)):
        changed = bytearray(message.body)
        changed[place] ^= 0x01
        means_the_same_or_nothing(pair, replace(message, body=bytes(changed)), message)


def test_every_dropped_byte_of_the_body_is_noticed(spoken: Spoken) -> None:
    pair, evidence = spoken
    message = pair.told(evidence)

    for place in range(len(message.body)):
        shorter = message.body[:place] + message.body[place + 1 :]
        means_the_same_or_nothing(pair, replace(message, body=shorter), message)


def test_every_doubled_byte_of_the_body_is_noticed(spoken: Spoken) -> None:
    pair, evidence = spoken
    message = pair.told(evidence)

    for place in range(len(message.body)):
        longer = message.body[:place] + message.body[place : place + 1] + message.body[place:]
        means_the_same_or_nothing(pair, replace(message, body=longer), message)


@pytest.mark.parametrize("tail", [b" ", b"\n", b"\x00", b"{}", b"&amount=1"])
def test_nothing_can_be_added_to_the_body(spoken: Spoken, tail: bytes) -> None:
    pair, evidence = spoken
    message = pair.told(evidence)

    means_the_same_or_nothing(pair, replace(message, body=message.body + tail), message)
    means_the_same_or_nothing(pair, replace(message, body=tail + message.body), message)


def test_a_truncated_body_is_noticed(spoken: Spoken) -> None:
    pair, evidence = spoken
    message = pair.told(evidence)
    if not message.body:
        pytest.skip("this bank speaks in the query")

    means_the_same_or_nothing(pair, replace(message, body=message.body[: len(message.body) // 2]), message)
    means_the_same_or_nothing(pair, replace(message, body=b""), message)


def test_a_message_does_not_pass_for_one_to_another_address(spoken: Spoken) -> None:
    pair, evidence = spoken
    message = pair.told(evidence)

    for url in (f"{message.url}x", f"{message.url}?a=1", f"{message.url}&a=1", "https://hub.example/"):
        means_the_same_or_nothing(pair, replace(message, url=url), message)


def test_every_changed_header_is_noticed(spoken: Spoken) -> None:
    pair, evidence = spoken
    message = pair.told(evidence)

    for name, value in message.headers.items():
        for place in range(len(value)):
            changed = value[:place] + chr(ord(value[place]) ^ 0x01) + value[place + 1 :]
            headers = {**message.headers, name: changed}
            means_the_same_or_nothing(pair, replace(message, headers=headers), message)


@pytest.mark.parametrize("value", ["", "t=,v1=", "t=1,v1=zz", "đ", "\x00", "t=9" * 400, "v1=" + "0" * 64])
def test_an_odd_header_is_a_bad_signature(spoken: Spoken, value: str) -> None:
    pair, evidence = spoken
    message = pair.told(evidence)
    if not set(message.headers) - {"content-type"}:
        pytest.skip("this bank signs within the message")

    with pytest.raises(BadSignature):
        pair.read(replace(message, headers=dict.fromkeys(message.headers, value)))


def test_an_old_message_says_nothing_new(spoken: Spoken) -> None:
    pair, evidence = spoken
    message = pair.told(evidence)

    for drift in (timedelta(days=-400), timedelta(days=400)):
        means_the_same_or_nothing(pair, message, message, now_shift=drift)


def test_an_unlisted_code_is_no_evidence_against_a_payment(pair: Pair) -> None:
    if not pair.side.samples:
        pytest.skip("this bank sends nothing")
    said = pair.read(pair.side.tell_unlisted(pair.secrets, NOW))

    closing = {AttemptStatus.FAILED, AttemptStatus.CANCELLED, AttemptStatus.EXPIRED}
    evidence = said.evidence if isinstance(said, Notice) else ()
    assert isinstance(said, Ignored | Notice)
    assert not any(isinstance(seen, AttemptSeen) and seen.status in closing for seen in evidence)
    assert not any(isinstance(seen, PaymentSeen) for seen in evidence)


@each_pair
@calmly
@given(data=st.data())
def test_amounts_survive_the_wire(pair: Pair, data: st.DataObject) -> None:
    limits = pair.connector.limits
    amount_vnd = data.draw(st.integers(limits.amount_min_vnd, limits.amount_max_vnd))
    payment = sample_payment(pair)

    notice = pair.read(pair.told(replace(payment, amount_vnd=amount_vnd)))

    assert isinstance(notice, Notice)
    assert [seen.amount_vnd for seen in notice.evidence if isinstance(seen, PaymentSeen)] == [amount_vnd]


@each_pair
@calmly
@given(memo=st.text(st.characters(exclude_categories=["C", "Z"], include_characters=" &=|%+"), max_size=60))
def test_any_memo_can_be_read(pair: Pair, memo: str) -> None:
    payment = sample_payment(pair)

    notice = pair.read(pair.told(replace(payment, memo=memo)))

    assert isinstance(notice, Notice)
    assert all(seen.amount_vnd == payment.amount_vnd for seen in notice.evidence if isinstance(seen, PaymentSeen))


@pytest.mark.parametrize("memo", ["Nộp lệ phí", "a b  c", "😀", "A&B=1", "100%", "a|b", "a+b", '"\\', "<b>", "';--"])
def test_odd_memos_do_not_break_the_signature(pair: Pair, memo: str) -> None:
    payment = sample_payment(pair)

    assert isinstance(pair.read(pair.told(replace(payment, memo=memo))), Notice)


@each_pair
@calmly
@given(body=st.binary(max_size=300), headers=st.dictionaries(st.text(max_size=20), st.text(max_size=80), max_size=4),
       path=st.text(max_size=40), method=st.sampled_from(["GET", "POST", "PUT", ""]))  # fmt: skip
def test_junk_raises_nothing_but_the_two_refusals(
    pair: Pair, body: bytes, headers: dict[str, str], path: str, method: str
) -> None:
    with pytest.raises((BadSignature, Malformed)):
        pair.read(HttpRequest(method=method, url=f"https://hub.example/{path}", headers=headers, body=body))


def _without_query(message: HttpRequest) -> str:
    return message.url.partition("?")[0]


def means_the_same_or_nothing(
    pair: Pair, altered: HttpRequest, message: HttpRequest, *, now_shift: timedelta = timedelta()
) -> None:
    """An altered message is refused, or (where the protocol does not sign every byte) says exactly the same."""
    try:
        heard = pair.read(altered, now=NOW + now_shift)
    except (BadSignature, Malformed):
        return
    meant = pair.read(message)
    assert isinstance(heard, Notice)
    assert isinstance(meant, Notice)
    if heard.authority < AUTHORITATIVE:
        return  # it books nothing by itself
    assert [_signed_part(pair, seen) for seen in heard.evidence] == [
        _signed_part(pair, seen) for seen in meant.evidence
    ]
    unchanged = altered.body == message.body and (altered.url == message.url or not pair.side.signs_target)
    assert unchanged or not pair.side.signs_every_byte


def _signed_part(pair: Pair, seen: Evidence) -> tuple[str, dict[str, object]]:
    """What the protocol's signature vouches for."""
    fields = {name: value for name, value in asdict(seen).items() if name not in pair.side.unsigned}
    return type(seen).__name__, fields
