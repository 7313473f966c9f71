"""Dialogues: what the bank answered authentically is believed, everything else is unknown."""

from collections.abc import Callable, Generator
from dataclasses import replace
from functools import partial
from typing import TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paygw.kernel.connector import Answer, Contact, HttpReply, HttpRequest, QueryAsk, RefundAsk, Session
from paygw.kernel.evidence import (
    AttemptSeen,
    AttemptStatus,
    Evidence,
    PaymentSeen,
    RefundNewsStatus,
    RefundSeen,
    ReversalSeen,
)
from tests.conformance.pairs import (
    CONNECTORS,
    NOW,
    PAIRS,
    SIDES,
    Pair,
    query_ask,
    refund_ask,
    sample_payment,
    session_ask,
)

Result = TypeVar("Result", Session, Answer)
Dialogue = Generator[HttpRequest, HttpReply, Result]
Bank = Callable[[HttpRequest], HttpReply]

JUNK = {
    "500": HttpReply(status=500, headers={"content-type": "application/json"}, body=b'{"error":"internal"}'),
    "503 empty": HttpReply(status=503),
    "html": HttpReply(
        status=200, headers={"content-type": "text/html"}, body=b"<html>b\xe1\xba\xa3o tr\xc3\xac</html>"
    ),
    "empty": HttpReply(status=200, headers={"content-type": "application/json"}),
    "null": HttpReply(status=200, body=b"null"),
    "list": HttpReply(status=200, body=b"[]"),
    "number": HttpReply(status=200, body=b"1e999"),
    "truncated": HttpReply(status=200, body=b'{"status":"paid","payments":[{"amo'),
    "binary": HttpReply(status=200, body=bytes(range(256))),
    "nested": HttpReply(status=200, body=b"[" * 100_000),
    "huge number": HttpReply(status=200, body=b'{"amount_vnd":' + b"9" * 10_000 + b"}"),
    "redirect": HttpReply(status=302, headers={"location": "https://elsewhere.example/"}),
}
each_pair = pytest.mark.parametrize("pair", [Pair(CONNECTORS[name], SIDES[name]) for name in PAIRS], ids=PAIRS)


def converse(dialogue: Dialogue[Result], bank: Bank, *, steps_max: int = 8) -> Result:
    """Play a dialogue through."""
    try:
        request = next(dialogue)
        for _ in range(steps_max):
            request = dialogue.send(bank(request))
    except StopIteration as end:
        result: Result = end.value
        return result
    raise AssertionError("the dialogue does not end")


def knowing(pair: Pair, *truth: Evidence) -> Bank:
    """The pair's bank, which knows exactly this."""
    return lambda request: pair.side.reply(request, truth, pair.secrets, NOW)


def asked(pair: Pair, kind: str) -> Dialogue[Answer]:
    """One of the connector's enquiry dialogues; skipped where it has none."""
    function = getattr(pair.connector, kind)
    if function is None:
        pytest.skip(f"no {kind} in this protocol")
    dialogue: Dialogue[Answer] = function(asks_about(pair, kind), pair.secrets)
    return dialogue


def asks_about(pair: Pair, kind: str) -> QueryAsk | RefundAsk:
    """What is asked: about the pair's attempt, or a refund of its payment."""
    if kind in {"query", "cancel"}:
        return query_ask(attempt_ref=pair.ref)
    return refund_ask(attempt_ref=pair.ref, bank_txn_id=payment_of(pair).bank_txn_id)


def start(pair: Pair) -> Session:
    """A session, opened in the connector's own way."""
    connector = pair.connector
    if not connector.methods:
        pytest.skip("an observer takes no payers")
    if connector.build_redirect is not None:
        return connector.build_redirect(session_ask(attempt_ref=pair.ref), pair.secrets)
    assert connector.open_session is not None
    return converse(connector.open_session(session_ask(attempt_ref=pair.ref), pair.secrets), knowing(pair))


def payment_of(pair: Pair) -> PaymentSeen:
    """A payment of the attempt the enquiries ask about."""
    sample = sample_payment(pair)
    return replace(sample, attempt_ref=pair.ref)


def _always(reply: HttpReply, _: HttpRequest) -> HttpReply:
    return reply


KINDS = ("query", "refund", "query_refund", "cancel")


def test_a_session_sends_the_payer_somewhere(pair: Pair) -> None:
    session = start(pair)

    assert session.contact is Contact.SUCCEEDED
    assert session.redirect_url.startswith("http") or session.qr_text


def test_no_secret_is_in_anything_we_send(pair: Pair) -> None:
    addresses, carried = [repr(start(pair))], list[str]()
    for kind in KINDS:
        if getattr(pair.connector, kind) is not None:
            request = next(asked(pair, kind))
            addresses.append(request.url)
            carried += [request.body.decode("latin-1"), repr(request.headers)]

    kept = [value for name, value in pair.secrets.values.items() if name not in pair.side.bearer]
    assert not [value for value in pair.secrets.values.values() for text in addresses if value in text]
    assert not [value for value in kept for text in carried if value in text]


def test_requests_go_to_the_configured_bank(pair: Pair) -> None:
    for kind in KINDS:
        if getattr(pair.connector, kind) is not None:
            assert next(asked(pair, kind)).url.startswith(pair.secrets.base_url)


def test_a_payment_is_found(pair: Pair) -> None:
    payment = payment_of(pair)

    answer = converse(asked(pair, "query"), knowing(pair, payment))

    assert answer.contact is Contact.SUCCEEDED
    assert [seen.amount_vnd for seen in answer.evidence if isinstance(seen, PaymentSeen)] == [payment.amount_vnd]


def test_two_payments_are_two(pair: Pair) -> None:
    if pair.connector.receipts_per_attempt == "one":
        pytest.skip("one receipt per attempt")
    first = payment_of(pair)
    second = replace(first, bank_txn_id="FT26325000009", amount_vnd=1_000)

    answer = converse(asked(pair, "query"), knowing(pair, first, second))

    assert {seen.bank_txn_id for seen in answer.evidence if isinstance(seen, PaymentSeen)} == {
        first.bank_txn_id,
        second.bank_txn_id,
    }


def test_somebody_elses_payment_is_not_ours(pair: Pair) -> None:
    theirs = replace(payment_of(pair), attempt_ref=pair.side.other_refs[0])

    answer = converse(asked(pair, "query"), knowing(pair, theirs))

    assert not any(isinstance(seen, PaymentSeen) for seen in answer.evidence)
    assert answer.contact is not Contact.SUCCEEDED


def test_an_answer_about_another_attempt_is_not_believed(pair: Pair) -> None:
    if not pair.side.names_answers:
        pytest.skip("answers do not say what they are about")
    other = replace(payment_of(pair), attempt_ref=pair.side.other_refs[0])
    if pair.connector.query is None:
        pytest.skip("this bank is not asked")
    about_other = next(pair.connector.query(query_ask(attempt_ref=pair.side.other_refs[0]), pair.secrets))

    answer = converse(asked(pair, "query"), lambda _: pair.side.reply(about_other, (other,), pair.secrets, NOW))

    assert answer.contact is Contact.UNKNOWN
    assert not answer.evidence


def test_nothing_known_is_not_paid_and_not_failed(pair: Pair) -> None:
    answer = converse(asked(pair, "query"), knowing(pair))

    assert answer.contact in {Contact.PENDING, Contact.UNKNOWN}
    assert all(isinstance(seen, AttemptSeen) and seen.not_paid for seen in answer.evidence)


def test_a_session_that_was_closed_is_not_paid(pair: Pair) -> None:
    closed = AttemptSeen(attempt_ref=pair.ref, status=AttemptStatus.CANCELLED, occurred_at=NOW)

    answer = converse(asked(pair, "cancel"), knowing(pair, closed))

    assert [(seen.status, seen.not_paid) for seen in answer.evidence if isinstance(seen, AttemptSeen)] == [
        (AttemptStatus.CANCELLED, True)
    ]


def test_closing_a_paid_session_finds_its_payment_and_denies_none(pair: Pair) -> None:
    payment = payment_of(pair)

    answer = converse(asked(pair, "cancel"), knowing(pair, payment))

    assert [seen.amount_vnd for seen in answer.evidence if isinstance(seen, PaymentSeen)] == [payment.amount_vnd]
    assert not any(isinstance(seen, AttemptSeen) and seen.not_paid for seen in answer.evidence)


def test_closing_what_the_bank_does_not_know_proves_nothing(pair: Pair) -> None:
    answer = converse(asked(pair, "cancel"), knowing(pair))

    assert answer.contact in {Contact.PENDING, Contact.UNKNOWN}
    assert not answer.evidence


def test_a_reversal_comes_with_its_payment(pair: Pair) -> None:
    reversal = next((seen for seen in pair.side.samples if isinstance(seen, ReversalSeen)), None)
    if reversal is None:
        pytest.skip("this bank never reverses")

    answer = converse(asked(pair, "query"), knowing(pair, payment_of(pair), replace(reversal, attempt_ref=pair.ref)))

    assert any(isinstance(seen, ReversalSeen) for seen in answer.evidence)


@pytest.mark.parametrize("status", list(RefundNewsStatus))
@pytest.mark.parametrize("kind", ["refund", "query_refund"])
def test_the_news_of_a_refund_are_read(pair: Pair, kind: str, status: RefundNewsStatus) -> None:
    said = pair.side.samples + pair.side.answers
    if not any(isinstance(seen, RefundSeen) and seen.status is status for seen in said):
        pytest.skip("this bank never says so")
    truth = RefundSeen(refund_ref="R-1", status=status, amount_vnd=50_000, occurred_at=NOW, bank_txn_id="RF1")

    answer = converse(asked(pair, kind), knowing(pair, truth))

    heard = [seen.status for seen in answer.evidence if isinstance(seen, RefundSeen)]
    merely_accepted = kind == "refund" and heard == [RefundNewsStatus.PENDING]
    assert heard == [status] or (merely_accepted and status is RefundNewsStatus.SUCCEEDED)


@pytest.mark.parametrize("kind", ["refund", "query_refund"])
def test_a_refund_of_another_amount_is_not_ours(pair: Pair, kind: str) -> None:
    if not pair.side.names_answers:
        pytest.skip("answers do not say what they are about")
    truth = RefundSeen(refund_ref="R-1", status=RefundNewsStatus.SUCCEEDED, amount_vnd=49_999, occurred_at=NOW)

    answer = converse(asked(pair, kind), knowing(pair, truth))

    assert answer.contact is Contact.UNKNOWN
    assert not answer.evidence


def test_a_refund_the_bank_does_not_know_is_not_a_failed_one(pair: Pair) -> None:
    answer = converse(asked(pair, "query_refund"), knowing(pair))

    assert answer.contact not in {Contact.DECLINED, Contact.NOT_SENT, Contact.SUCCEEDED}
    assert not answer.evidence


@pytest.mark.parametrize("kind", KINDS)
def test_an_unlisted_code_is_unknown(pair: Pair, kind: str) -> None:
    answer = converse(asked(pair, kind), lambda request: pair.side.reply_unlisted(request, pair.secrets, NOW))

    assert answer.contact is Contact.UNKNOWN
    assert not answer.evidence


def test_an_unlisted_code_opens_no_session_and_declines_none(pair: Pair) -> None:
    if pair.connector.open_session is None:
        pytest.skip("the bank is not asked")
    dialogue = pair.connector.open_session(session_ask(attempt_ref=pair.ref), pair.secrets)

    session = converse(dialogue, lambda request: pair.side.reply_unlisted(request, pair.secrets, NOW))

    assert session.contact is Contact.UNKNOWN


@pytest.mark.parametrize("reply", JUNK.values(), ids=list(JUNK))
@pytest.mark.parametrize("kind", KINDS)
def test_junk_is_unknown(pair: Pair, kind: str, reply: HttpReply) -> None:
    answer = converse(asked(pair, kind), lambda _: reply)

    assert answer.contact is Contact.UNKNOWN
    assert not answer.evidence


@pytest.mark.parametrize("reply", JUNK.values(), ids=list(JUNK))
def test_junk_opens_no_session_and_declines_none(pair: Pair, reply: HttpReply) -> None:
    if pair.connector.open_session is None:
        pytest.skip("the bank is not asked")

    session = converse(pair.connector.open_session(session_ask(attempt_ref=pair.ref), pair.secrets), lambda _: reply)

    assert session.contact is Contact.UNKNOWN
    assert not session.redirect_url


@each_pair
@settings(max_examples=80)
@given(status=st.integers(100, 599), body=st.binary(max_size=400), signature=st.text(max_size=90))
def test_any_bytes_are_unknown(pair: Pair, status: int, body: bytes, signature: str) -> None:
    reply = HttpReply(status=status, headers={"x-sandbox-signature": signature, "signature": signature}, body=body)

    assert converse(asked(pair, "query"), lambda _: reply).contact is Contact.UNKNOWN


@pytest.mark.parametrize("kind", KINDS)
def test_a_strangers_answer_is_unknown(pair: Pair, kind: str) -> None:
    if not pair.side.signs_answers:
        pytest.skip("answers are protected by TLS alone")
    refunded = RefundSeen(refund_ref="R-1", status=RefundNewsStatus.SUCCEEDED, amount_vnd=50_000, occurred_at=NOW)
    truth = (payment_of(pair), refunded)

    answer = converse(asked(pair, kind), lambda request: pair.side.reply(request, truth, pair.strangers, NOW))

    assert answer.contact is Contact.UNKNOWN
    assert not answer.evidence


def test_every_changed_byte_of_an_answer_is_noticed(pair: Pair) -> None:
    if not pair.side.signs_answers:
        pytest.skip("answers are protected by TLS alone")
    request = next(asked(pair, "query"))
    reply = knowing(pair, payment_of(pair))(request)
    honest = converse(asked(pair, "query"), lambda _: reply)

    for place in range(len(reply.body)):
        changed = bytearray(reply.body)
        changed[place] ^= 0x01
        spoilt = replace(reply, body=bytes(changed))
        heard = converse(asked(pair, "query"), partial(_always, spoilt))
        assert heard.contact is Contact.UNKNOWN or heard.evidence == honest.evidence


def test_an_answer_of_another_status_is_noticed(pair: Pair) -> None:
    if not pair.side.signs_answers:
        pytest.skip("answers are protected by TLS alone")
    reply = knowing(pair, payment_of(pair))(next(asked(pair, "query")))

    heard = converse(asked(pair, "query"), lambda _: replace(reply, status=404))

    assert heard.contact is not Contact.DECLINED
    assert not any(isinstance(seen, AttemptSeen) for seen in heard.evidence)


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_key_nothing_is_sent(pair: Pair, kind: str) -> None:
    function = getattr(pair.connector, kind)
    if function is None:
        pytest.skip(f"no {kind} in this protocol")
    bare = replace(pair.secrets, values={})
    dialogue: Dialogue[Answer] = function(asks_about(pair, kind), bare)

    with pytest.raises(StopIteration) as end:
        next(dialogue)

    assert end.value.value.contact is Contact.NOT_SENT


def test_references_reach_the_bank_as_they_are(pair: Pair) -> None:
    if pair.connector.query is None:
        pytest.skip("no query in this protocol")
    for ref in (pair.ref, *pair.side.other_refs):
        payment = replace(payment_of(pair), attempt_ref=ref)

        answer = converse(pair.connector.query(query_ask(attempt_ref=ref), pair.secrets), knowing(pair, payment))

        assert [seen.attempt_ref for seen in answer.evidence if isinstance(seen, PaymentSeen)] == [ref]
