"""The suite is worth what it finds: connectors with one fault each, none of which passes."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

import connectors
from connectors import vnpay
from paygw.kernel import forms
from paygw.kernel.connector import (
    Answer,
    AnswerDialogue,
    BadSignature,
    Connector,
    Contact,
    HttpReply,
    HttpRequest,
    Ignored,
    Malformed,
    Notice,
    QueryAsk,
    RefundAsk,
    Secrets,
    Verdict,
)
from paygw.kernel.evidence import (
    AttemptSeen,
    AttemptStatus,
    Authority,
    Evidence,
    PaymentSeen,
    RefundNewsStatus,
    RefundSeen,
    TotalAsserted,
)
from paygw.kernel.wire import parsed
from tests.conformance.pairs import CONNECTORS, NOW, SIDES, Pair
from tests.conformance.planted import (
    closed_whatever_is_said,
    leaking,
    returns_believed_unsigned,
    trusting_totals,
    unscaled,
)
from tests.conformance.sources import plain_comparisons
from tests.conformance.suite import failures

ROOT = Path(connectors.__file__).parent
Fault = Callable[[Connector], Connector]


def reading(change: Callable[[Connector, HttpRequest, Secrets, datetime], Notice | Ignored]) -> Fault:
    """A connector that reads webhooks in another way."""

    def plant(honest: Connector) -> Connector:
        return replace(honest, parse_webhook=lambda request, secrets, now: change(honest, request, secrets, now))

    return plant


def evident(change: Callable[[Evidence], Evidence]) -> Fault:
    """A connector that misreads each piece of evidence."""

    def read(honest: Connector, request: HttpRequest, secrets: Secrets, now: datetime) -> Notice | Ignored:
        said = honest.parse_webhook(request, secrets, now)
        return replace(said, evidence=tuple(map(change, said.evidence))) if isinstance(said, Notice) else said

    return reading(read)


def signature_optional(honest: Connector, request: HttpRequest, secrets: Secrets, now: datetime) -> Notice | Ignored:
    base, _, query = request.url.partition("?")
    if vnpay.HASH in query or "vnp_TxnRef" not in query:
        return honest.parse_webhook(request, secrets, now)
    fields = forms.decoded(forms.raw_pairs(query, ("vnp_",)))
    signed = f"{base}?{vnpay.signed_query(fields, secrets.values[vnpay.KEY])}"
    return honest.parse_webhook(replace(request, url=signed), secrets, now)


def empty_secret_accepted(honest: Connector, request: HttpRequest, secrets: Secrets, now: datetime) -> Notice | Ignored:
    known = SIDES[honest.name].secrets
    return honest.parse_webhook(request, secrets if any(secrets.values.values()) else known, now)


def previous_secret_ignored(
    honest: Connector, request: HttpRequest, secrets: Secrets, now: datetime
) -> Notice | Ignored:
    return honest.parse_webhook(request, replace(secrets, previous={}), now)


def previous_secret_alone(honest: Connector, request: HttpRequest, secrets: Secrets, now: datetime) -> Notice | Ignored:
    stale = replace(secrets, values=secrets.values or secrets.previous)
    return honest.parse_webhook(request, stale, now)


def last_of_two_counts(honest: Connector, request: HttpRequest, secrets: Secrets, now: datetime) -> Notice | Ignored:
    base, _, query = request.url.partition("?")
    first: dict[str, str] = {}
    last: dict[str, str] = {}
    for pair in query.split("&"):
        name = pair.partition("=")[0]
        first.setdefault(name, pair)
        last[name] = pair
    said = honest.parse_webhook(replace(request, url=f"{base}?{'&'.join(first.values())}"), secrets, now)
    if not isinstance(said, Notice) or last == first:
        return said
    amount = last.get("vnp_Amount", "=0").partition("=")[2]
    read = [replace(seen, amount_vnd=int(amount)) for seen in said.evidence if isinstance(seen, PaymentSeen)]
    return replace(said, evidence=tuple(read))


def any_case_of_error(honest: Connector, request: HttpRequest, secrets: Secrets, now: datetime) -> Notice | Ignored:
    try:
        return honest.parse_webhook(request, secrets, now)
    except BadSignature as fault:
        if "?" not in request.url:
            raise KeyError("vnp_SecureHash") from fault
        raise


def unlisted_is_failed(honest: Connector, request: HttpRequest, secrets: Secrets, now: datetime) -> Notice | Ignored:
    said = honest.parse_webhook(request, secrets, now)
    if isinstance(said, Notice) and said.evidence:
        return said
    failed = AttemptSeen(attempt_ref="A-1", status=AttemptStatus.FAILED, occurred_at=now)
    return Notice(evidence=(failed,), authority=Authority.NOTICE)


def bearer_only(honest: Connector, request: HttpRequest, secrets: Secrets, now: datetime) -> Notice | Ignored:
    said = honest.parse_webhook(request, secrets, now)
    return replace(said, authority=Authority.BEARER) if isinstance(said, Notice) else said


def scaled(seen: Evidence) -> Evidence:
    return replace(seen, amount_vnd=seen.amount_vnd * 100) if isinstance(seen, PaymentSeen) else seen


def renamed(seen: Evidence) -> Evidence:
    """The observer's own number in place of the bank's reference."""
    return replace(seen, bank_txn_id="92704") if isinstance(seen, PaymentSeen) else seen


def in_hanoi(seen: Evidence) -> Evidence:
    """A time of Vietnam taken for UTC."""
    return replace(seen, occurred_at=seen.occurred_at + (NOW - NOW.replace(hour=NOW.hour - 5)))


def totals_booked(honest: Connector) -> Connector:
    """A cumulative figure read as a receipt."""

    def query(ask: QueryAsk, secrets: Secrets) -> AnswerDialogue:
        assert honest.query is not None
        answer = yield from honest.query(ask, secrets)
        booked = [
            PaymentSeen(
                attempt_ref=seen.attempt_ref, bank_txn_id="T", amount_vnd=seen.total_vnd, occurred_at=seen.occurred_at
            )
            if isinstance(seen, TotalAsserted)
            else seen
            for seen in answer.evidence
        ]
        return replace(answer, evidence=tuple(booked))

    return replace(honest, query=query)


def amount_not_compared(honest: Connector) -> Connector:
    def query_refund(ask: RefundAsk, secrets: Secrets) -> AnswerDialogue:
        assert honest.query_refund is not None
        answer = yield from honest.query_refund(ask, secrets)
        if answer.bank_code != "other_amount":
            return answer
        seen = RefundSeen(
            refund_ref=ask.refund_ref, status=RefundNewsStatus.SUCCEEDED, amount_vnd=ask.amount_vnd, occurred_at=ask.now
        )
        return Answer(contact=Contact.SUCCEEDED, evidence=(seen,))

    return replace(honest, query_refund=query_refund)


def answered_with(change: Callable[[Answer, QueryAsk], Answer]) -> Fault:
    """A connector that makes something else of the answers to its enquiries."""

    def plant(honest: Connector) -> Connector:
        def query(ask: QueryAsk, secrets: Secrets) -> AnswerDialogue:
            assert honest.query is not None
            return change((yield from honest.query(ask, secrets)), ask)

        return replace(honest, query=query)

    return plant


def silence_is_failure(answer: Answer, ask: QueryAsk) -> Answer:
    if answer.contact is not Contact.UNKNOWN:
        return answer
    failed = AttemptSeen(attempt_ref=ask.attempt_ref, status=AttemptStatus.FAILED, occurred_at=ask.now, not_paid=True)
    return Answer(contact=Contact.DECLINED, evidence=(failed,))


def not_found_is_not_sent(answer: Answer, ask: QueryAsk) -> Answer:
    del ask
    return replace(answer, contact=Contact.NOT_SENT) if answer.contact is Contact.PENDING else answer


def answers_believed_unsigned(honest: Connector) -> Connector:
    """The signature of an answer is made good before it is checked."""

    def query(ask: QueryAsk, secrets: Secrets) -> AnswerDialogue:
        assert honest.query is not None
        dialogue = honest.query(ask, secrets)
        try:
            request = next(dialogue)
        except StopIteration as end:
            answer: Answer = end.value
            return answer
        reply = yield request
        try:
            return dialogue.send(_resigned(reply, secrets))  # type: ignore[return-value]  # it ends here
        except StopIteration as end:
            answer = end.value
            return answer

    return replace(honest, query=query)


def _resigned(reply: HttpReply, secrets: Secrets) -> HttpReply:
    try:
        fields = forms.texts_of(parsed(reply.body), vnpay.QUERY_REPLY)
    except Malformed:
        return reply
    made = forms.hmac_sha512(secrets.values[vnpay.KEY], forms.piped(fields, vnpay.QUERY_REPLY).encode())
    return replace(reply, body=json.dumps(fields | {vnpay.HASH: made}).encode())


def acknowledging(words: Callable[[Connector, Verdict], HttpReply]) -> Fault:
    """A connector with other acknowledgements."""
    return lambda honest: replace(honest, acknowledge=lambda verdict: words(honest, verdict))


def not_total(honest: Connector, verdict: Verdict) -> HttpReply:
    return {Verdict.ACCEPTED: honest.acknowledge(Verdict.ACCEPTED)}[verdict]


def always_thankful(honest: Connector, verdict: Verdict) -> HttpReply:
    del verdict
    return honest.acknowledge(Verdict.ACCEPTED)


# Fault: the connector it is planted in, how, and the check that must find it.
FAULTS: dict[str, tuple[str, Fault, str]] = {
    "signature optional": (
        "vnpay",
        reading(signature_optional),
        "test_no_missing_field_opens_the_way_for_a_changed_one",
    ),
    "empty secret accepted": ("vnpay", reading(empty_secret_accepted), "test_without_a_key_nothing_is_authentic"),
    "empty secret accepted (hex key)": (
        "onepay",
        reading(empty_secret_accepted),
        "test_without_a_key_nothing_is_authentic",
    ),
    "previous secret ignored": (
        "vnpay",
        reading(previous_secret_ignored),
        "test_the_previous_key_is_read_during_a_rotation",
    ),
    "previous secret alone accepted": (
        "onepay",
        reading(previous_secret_alone),
        "test_a_previous_key_alone_opens_nothing",
    ),
    "duplicate parameter accepted": ("vnpay", reading(last_of_two_counts), "test_every_repeated_field_is_noticed"),
    "junk raises another error": ("vnpay", reading(any_case_of_error), "test_junk_raises_nothing_but_the_two_refusals"),
    "unlisted code read as failed": (
        "vnpay",
        reading(unlisted_is_failed),
        "test_an_unlisted_code_is_no_evidence_against_a_payment",
    ),
    "signed message taken for a mere token": (
        "onepay",
        reading(bearer_only),
        "test_a_signed_webhook_has_the_authority_of_a_notice",
    ),
    "a hundred times the amount": ("vnpay", evident(scaled), "test_amounts_survive_the_wire"),
    "a hundred times the amount asked for": ("onepay", unscaled, "test_the_amount_asked_for_is_the_amount_wanted"),
    "observer's number as the bank's reference": (
        "casso",
        evident(renamed),
        "test_what_the_bank_signed_is_what_we_read",
    ),
    "time of Vietnam taken for UTC": ("vnpay", evident(in_hanoi), "test_what_the_bank_signed_is_what_we_read"),
    "cumulative amount booked as a receipt": ("payos", totals_booked, "test_a_payment_is_found"),
    "amount of a refund not compared": ("vnpay", amount_not_compared, "test_a_refund_of_another_amount_is_not_ours"),
    "silence read as failure": ("vnpay", answered_with(silence_is_failure), "test_junk_is_unknown"),
    "not found read as not sent": (
        "onepay",
        answered_with(not_found_is_not_sent),
        "test_nothing_known_is_not_paid_and_not_failed",
    ),
    "unsigned answers believed": (
        "vnpay",
        answers_believed_unsigned,
        "test_every_changed_byte_of_an_answer_is_noticed",
    ),
    "acknowledgement not total": ("vnpay", acknowledging(not_total), "test_acknowledgements_are_total"),
    "everything thanked for": ("onepay", acknowledging(always_thankful), "test_a_forged_message_is_never_thanked_for"),
    "secret in an address": ("vnpay", leaking, "test_no_secret_is_in_anything_we_send"),
    "silence read as a closed session": ("payos", closed_whatever_is_said, "test_junk_is_unknown"),
    "closing denies a payment": (
        "payos",
        closed_whatever_is_said,
        "test_closing_a_paid_session_finds_its_payment_and_denies_none",
    ),
    "return read unsigned": (
        "momo",
        returns_believed_unsigned,
        "test_no_return_is_read_without_its_signature_or_under_another_key",
    ),
    "control totals not compared": ("vnpay", trusting_totals, "test_what_does_not_add_up_is_refused"),
}


@pytest.mark.parametrize(("name", "plant", "caught_by"), FAULTS.values(), ids=FAULTS)
def test_no_planted_fault_passes_the_suite(name: str, plant: Fault, caught_by: str) -> None:
    faulty = Pair(plant(CONNECTORS[name]), SIDES[name])

    assert caught_by in failures(faulty)


@pytest.mark.parametrize("name", sorted({name for name, _, _ in FAULTS.values()}))
def test_the_honest_connectors_pass_it(name: str) -> None:
    assert list(failures(Pair(CONNECTORS[name], SIDES[name]))) == []


@pytest.mark.parametrize("name", sorted(CONNECTORS))
def test_no_connector_compares_digests_in_a_time_that_tells(name: str) -> None:
    assert plain_comparisons((ROOT / f"{name}.py").read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "planted",
    [
        "if hmac.new(key, text, sha256).hexdigest() == given: pass",
        "ok = given == hmac.new(key, text, sha256).hexdigest().upper()",
        "if forms.hmac_sha512(key, text) != given: raise BadSignature",
        "if expected_mac == fields['mac']: pass",
        "if secure_hash(key, text) in given: pass",
    ],
)
def test_a_plain_comparison_of_digests_is_seen(planted: str) -> None:
    assert plain_comparisons(planted) == [1]
