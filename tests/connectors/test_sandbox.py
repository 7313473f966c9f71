"""What is the sandbox bank's own beyond what every connector must do."""

import contextlib
import hmac
import json
from base64 import urlsafe_b64decode
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.sandbox import SIGNATURE, open_session, parse_webhook, query, refund
from paygw.kernel.connector import BadSignature, Contact, HttpReply, HttpRequest, Ignored, Malformed, Notice, Session
from paygw.kernel.evidence import AttemptSeen, AttemptStatus, PaymentSeen, RefundNewsStatus, RefundSeen
from paygw.kernel.framing import Kind, signature, verified
from paygw.simulators.sides.sandbox import ATTEMPT, PAYMENT, SECRETS, reply, tell
from tests.conformance.pairs import query_ask, refund_ask, session_ask
from tests.conformance.test_dialogues import converse

NOW = datetime(2026, 11, 20, 5, 0, 7, tzinfo=UTC)
DOCUMENT = Path(__file__).parents[2] / "docs" / "api" / "sandbox-bank.md"
REDIRECT = replace(SECRETS, options={"flow": "redirect"})


def vectors() -> list[list[str]]:
    """The test vectors of the protocol document: kind, head, body, signature."""
    block = DOCUMENT.read_text(encoding="utf-8").partition("```vectors\n")[2].partition("```")[0]
    return [[cell.strip() for cell in line.split("|")] for line in block.splitlines()]


def signed(status: int, fields: object, request: HttpRequest) -> HttpReply:
    """An authentic answer."""
    body = json.dumps(fields).encode()
    head = f"{status} {request.headers[SIGNATURE]}"
    value = signature(SECRETS.values["secret"], "answer", NOW, head, body)
    return HttpReply(status=status, headers={SIGNATURE: value}, body=body)


@pytest.mark.parametrize("vector", vectors(), ids=lambda vector: vector[0])
def test_the_documents_vectors_hold(vector: list[str]) -> None:
    kinds: dict[str, Kind] = {"request": "request", "answer": "answer", "webhook": "webhook"}
    kind, head, body, given = vector

    assert verified(given, ["test-secret-of-sandbox-a"], kinds[kind], head, body.encode())


@pytest.mark.parametrize("vector", vectors(), ids=lambda vector: vector[0])
def test_the_documents_formula_is_enough_to_sign(vector: list[str]) -> None:
    kind, head, body, given = vector
    t, v1 = given.removeprefix("t=").split(",v1=")

    by_hand = hmac.new(b"test-secret-of-sandbox-a", f"{kind}\n{t}\n{head}\n{body}".encode(), "sha256")

    assert by_hand.hexdigest() == v1


def test_the_document_has_a_vector_of_each_kind() -> None:
    assert {vector[0] for vector in vectors()} == {"request", "answer", "webhook"}


def test_a_redirect_asks_nobody() -> None:
    dialogue = open_session(session_ask(), REDIRECT)

    with pytest.raises(StopIteration) as end:
        next(dialogue)

    assert isinstance(end.value.value, Session)


def test_a_redirect_carries_the_session_in_letters_no_client_rewrites() -> None:
    session = converse(open_session(session_ask(description="Le phi & ho so 50%"), REDIRECT), _never)

    fields = parse_qs(urlsplit(session.redirect_url).query)
    packed = fields["session"][0]
    wanted = json.loads(urlsafe_b64decode(packed + "=" * (-len(packed) % 4)))
    assert wanted["amount_vnd"] == 150_000
    assert wanted["description"] == "Le phi & ho so 50%"
    assert "%" not in session.redirect_url


def test_a_redirect_is_signed_as_the_document_says() -> None:
    session = converse(open_session(session_ask(), REDIRECT), _never)

    url, _, stamp = session.redirect_url.partition("&t=")
    head = f"GET {url.removeprefix('https://bank.example')}"
    assert verified(f"t={stamp.replace('&', ',')}", [SECRETS.values["secret"]], "request", head, b"")


@pytest.mark.parametrize(
    ("status", "error", "contact"),
    [
        (422, "amount_not_allowed", Contact.DECLINED),
        (422, "maintenance", Contact.DECLINED),
        (422, "malformed", Contact.UNKNOWN),
        (500, "maintenance", Contact.UNKNOWN),
        (409, "session_differs", Contact.UNKNOWN),
    ],
)
def test_only_listed_errors_prove_that_no_session_is_open(status: int, error: str, contact: Contact) -> None:
    session = converse(open_session(session_ask(), SECRETS), lambda asked: signed(status, {"error": error}, asked))

    assert session.contact is contact


@pytest.mark.parametrize("page", ["javascript:alert(1)", "", "ftp://bank.example/", None, 7])
def test_a_payer_is_sent_to_web_pages_only(page: object) -> None:
    fields = {"attempt_ref": "A-1", "session_id": "S", "pay_url": page}

    session = converse(open_session(session_ask(), SECRETS), lambda asked: signed(201, fields, asked))

    assert session.contact is Contact.UNKNOWN
    assert not session.redirect_url


def test_an_answer_to_another_request_is_not_believed() -> None:
    earlier = next(query(query_ask(now=NOW - timedelta(minutes=1)), SECRETS))
    kept = reply(earlier, (replace(ATTEMPT, status=AttemptStatus.FAILED),), SECRETS, NOW)

    answer = converse(query(query_ask(now=NOW), SECRETS), lambda _: kept)

    assert answer.contact is Contact.UNKNOWN


def test_a_webhook_is_no_answer_and_a_request_no_webhook() -> None:
    message = tell(PAYMENT, SECRETS, NOW)
    own = next(refund(refund_ask(), SECRETS))

    with pytest.raises(BadSignature):
        parse_webhook(replace(own, url=message.url), SECRETS, NOW)
    with pytest.raises(BadSignature):
        parse_webhook(own, SECRETS, NOW)


def test_no_byte_moves_between_address_and_body() -> None:
    message = _with_body(b'{"type":\n"ping"}')
    head, _, rest = message.body.partition(b"\n")

    with pytest.raises(BadSignature):
        parse_webhook(replace(message, url=f"{message.url}\n{head.decode()}", body=rest), SECRETS, NOW)


def test_a_signed_body_that_names_two_amounts_is_malformed() -> None:
    body = tell(PAYMENT, SECRETS, NOW).body.replace(b'"amount_vnd"', b'"amount_vnd": 1, "amount_vnd"')

    with pytest.raises(Malformed):
        parse_webhook(_with_body(body), SECRETS, NOW)


@pytest.mark.parametrize("drift_s", [-301, 301, 86_400])
def test_a_webhook_from_another_time_is_refused(drift_s: int) -> None:
    message = tell(PAYMENT, SECRETS, NOW)

    with pytest.raises(BadSignature):
        parse_webhook(message, SECRETS, NOW + timedelta(seconds=drift_s))


@pytest.mark.parametrize("drift_s", [-299, 0, 299])
def test_a_webhook_within_the_window_is_read(drift_s: int) -> None:
    message = tell(PAYMENT, SECRETS, NOW)

    assert isinstance(parse_webhook(message, SECRETS, NOW + timedelta(seconds=drift_s)), Notice)


@pytest.mark.parametrize(
    "changes",
    [
        {"amount_vnd": 0},
        {"amount_vnd": -1},
        {"amount_vnd": 10**12 + 1},
        {"amount_vnd": 1.5},
        {"amount_vnd": "150000"},
        {"amount_vnd": True},
        {"amount_vnd": None},
        {"bank_txn_id": None},
        {"bank_txn_id": ""},
        {"bank_txn_id": 7},
        {"currency": None},
        {"account": None},
        {"attempt_ref": 5},
        {"memo": ["a"]},
    ],
    ids=repr,
)
def test_an_authentic_payment_with_an_odd_field_is_malformed(changes: dict[str, object]) -> None:
    with pytest.raises(Malformed):
        parse_webhook(_edited(lambda event: event["data"].update(changes)), SECRETS, NOW)


@pytest.mark.parametrize("at", ["2026-11-20T05:00:00", "yesterday", 5, None, "0001-01-01T00:00:00+14:00"])
def test_a_time_without_offset_is_malformed(at: object) -> None:
    with pytest.raises(Malformed):
        parse_webhook(_edited(lambda event: event.update(occurred_at=at)), SECRETS, NOW)


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b'{"a":1,"a":2}', b'{"a":NaN}', b"\xff\xfe", b"{" * 5000, b'{"type":"payment.succeeded"}'],
)
def test_signed_nonsense_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        parse_webhook(_with_body(body), SECRETS, NOW)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=200)
@given(field=st.sampled_from(["event_id", "type", "occurred_at", "data"]), value=_JSON)
def test_any_signed_field_is_read_or_malformed(field: str, value: object) -> None:
    message = _edited(lambda event: event.update({field: value}))
    with contextlib.suppress(Malformed):
        assert isinstance(parse_webhook(message, SECRETS, NOW), Notice | Ignored)


@settings(max_examples=300)
@given(name=st.sampled_from(sorted(asdict(PAYMENT))), value=_JSON)
def test_any_signed_payment_is_read_or_malformed(name: str, value: object) -> None:
    message = _edited(lambda event: event["data"].update({name: value}))
    with contextlib.suppress(Malformed):
        assert isinstance(parse_webhook(message, SECRETS, NOW), Notice)


@pytest.mark.parametrize("memo", ["", "   ", None])
def test_a_blank_memo_is_no_memo(memo: str | None) -> None:
    notice = parse_webhook(_edited(lambda event: event["data"].update(memo=memo)), SECRETS, NOW)

    assert isinstance(notice, Notice)
    assert [seen.memo for seen in notice.evidence if isinstance(seen, PaymentSeen)] == [""]


def test_money_is_not_refused_over_an_unprintable_memo() -> None:
    notice = parse_webhook(_edited(lambda event: event["data"].update(memo="a\u0000b\ud800\u2028c")), SECRETS, NOW)

    assert isinstance(notice, Notice)
    assert [seen.memo for seen in notice.evidence if isinstance(seen, PaymentSeen)] == ["a b  c"]


def test_an_open_session_is_not_pending() -> None:
    known = replace(ATTEMPT, status=AttemptStatus.REDIRECTED)

    answer = converse(query(query_ask(), SECRETS), lambda asked: reply(asked, (known,), SECRETS, NOW))

    seen = answer.evidence[0]
    assert isinstance(seen, AttemptSeen)
    assert (seen.status, seen.not_paid) == (AttemptStatus.REDIRECTED, True)


@pytest.mark.parametrize(
    ("status", "not_paid"), [("pending", False), ("failed", True), ("expired", True), ("cancelled", True)]
)
def test_money_on_its_way_is_not_unpaid(status: str, *, not_paid: bool) -> None:
    known = replace(ATTEMPT, status=AttemptStatus(status))

    answer = converse(query(query_ask(), SECRETS), lambda asked: reply(asked, (known,), SECRETS, NOW))

    seen = answer.evidence[0]
    assert isinstance(seen, AttemptSeen)
    assert (seen.status, seen.not_paid) == (status, not_paid)


def test_paid_without_a_payment_is_unknown() -> None:
    fields = {"attempt_ref": "A-1", "status": "paid", "as_of": "2026-11-20T05:00:00Z", "payments": [], "reversals": []}

    answer = converse(query(query_ask(), SECRETS), lambda asked: signed(200, fields, asked))

    assert (answer.contact, answer.evidence) == (Contact.UNKNOWN, ())


def test_a_declined_refund_is_told_as_a_failed_one() -> None:
    failed = RefundSeen(refund_ref="R-1", status=RefundNewsStatus.FAILED, amount_vnd=50_000, occurred_at=NOW)

    answer = converse(refund(refund_ask(), SECRETS), lambda asked: reply(asked, (failed,), SECRETS, NOW))

    assert (answer.contact, answer.evidence) == (Contact.DECLINED, (failed,))


def _never(request: HttpRequest) -> HttpReply:
    raise AssertionError(request.url)


def _with_body(body: bytes) -> HttpRequest:
    message = tell(PAYMENT, SECRETS, NOW)
    value = signature(SECRETS.values["secret"], "webhook", NOW, "POST /webhooks/sandbox-a", body)
    return replace(message, body=body, headers={SIGNATURE: value})


def _edited(edit: object) -> HttpRequest:
    event = json.loads(tell(PAYMENT, SECRETS, NOW).body)
    assert callable(edit)
    edit(event)
    return _with_body(json.dumps(event).encode())
