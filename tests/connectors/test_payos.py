"""What is payOS's own beyond what every connector must do."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors.payos import acknowledge, cancel, creation_text, data_text, open_session, parse_webhook, query
from paygw.kernel.connector import BadSignature, Contact, HttpReply, HttpRequest, Ignored, Malformed, Notice, Verdict
from paygw.kernel.evidence import AttemptSeen, AttemptStatus, PaymentSeen, TotalAsserted
from paygw.kernel.macs import hmac_hex
from paygw.kernel.wire import Json
from paygw.simulators.sides.payos import PAYMENT, SECRETS, reply, tell
from tests.conformance.pairs import NOW, query_ask, session_ask
from tests.conformance.test_dialogues import converse

KEY = SECRETS.values["checksumKey"]
REF = PAYMENT.attempt_ref or ""
ASK = query_ask(attempt_ref=REF)
VECTORS = Path(__file__).parents[1] / "fixtures" / "vectors" / "payos.json"


def webhook(data: Json, **outside: object) -> HttpRequest:
    """A signed webhook with these data."""
    envelope = {"code": "00", "success": True, "data": data, "signature": hmac_hex(KEY, data_text(data)), **outside}
    body = json.dumps(envelope, ensure_ascii=False).encode()
    return HttpRequest(method="POST", url="https://hub.example/webhooks/payos", body=body)


def transfer(**changes: object) -> Json:
    """The data of a transfer as the side words it, changed."""
    data: Json = json.loads(tell(PAYMENT, SECRETS, NOW).body)["data"]
    return data | changes


def link(status: str, *, paid_vnd: int = 0, transactions: tuple[Json, ...] = (), signature: str = "") -> HttpReply:
    """An answer about the link."""
    data: Json = {"orderCode": int(REF), "amount": 150_000, "amountPaid": paid_vnd, "status": status,
                  "transactions": list(transactions)}  # fmt: skip
    signed = signature or hmac_hex(KEY, data_text(data))
    return HttpReply(status=200, body=json.dumps({"code": "00", "data": data, "signature": signed}).encode())


@pytest.mark.parametrize("gone", ["virtualAccountName", "counterAccountBankName", "currency", "description", "desc"])
def test_only_keys_that_came_are_signed(gone: str) -> None:
    data = transfer()
    del data[gone]

    assert isinstance(parse_webhook(webhook(data), SECRETS, NOW), Notice)


@pytest.mark.parametrize("empty", [None, "null", "undefined", ""])
def test_the_ways_to_say_nothing_are_one(empty: object) -> None:
    assert data_text({"counterAccountName": empty}) == "counterAccountName="


def test_lists_are_signed_as_sorted_json() -> None:
    assert data_text({"items": [{"b": 1, "a": "Phí"}]}) == 'items=[{"a":"Phí","b":1}]'


def test_the_unsigned_envelope_decides_nothing() -> None:
    told = webhook(transfer(), code="99", success=False)

    read = parse_webhook(told, SECRETS, NOW)

    assert isinstance(read, Notice)
    assert read.evidence == (PAYMENT,)


def test_two_transfers_for_one_link_are_two() -> None:
    first = parse_webhook(webhook(transfer()), SECRETS, NOW)
    second = parse_webhook(webhook(transfer(reference="FT2")), SECRETS, NOW)

    assert isinstance(first, Notice)
    assert isinstance(second, Notice)
    assert first.evidence != second.evidence


def test_a_memo_that_imitates_fields_makes_no_second_transfer() -> None:
    injected = "x&orderCode=5&paymentLinkId=z&reference=F&transactionDateTime=2026-01-01 00:00:00&virtualAccountName=a"
    honest = webhook(transfer(description=injected))

    with pytest.raises(Malformed):
        parse_webhook(honest, SECRETS, NOW)


def test_the_trial_of_a_registration_is_no_money() -> None:
    vector = json.loads(VECTORS.read_text(encoding="utf-8"))["vectors"][3]
    body = json.dumps(vector["input"], ensure_ascii=False).encode()
    message = HttpRequest(method="POST", url="https://hub.example/webhooks/payos", body=body)

    read = parse_webhook(message, replace(SECRETS, values={**SECRETS.values, **vector["secret"]}), NOW)

    assert isinstance(read, Ignored)
    assert acknowledge(Verdict.IGNORED) == HttpReply(
        status=200, headers={"content-type": "application/json"}, body=b'{"success": true}'
    )


def test_an_order_code_we_do_not_know_is_thanked_for() -> None:
    assert acknowledge(Verdict.UNKNOWN_ORDER) == acknowledge(Verdict.ACCEPTED)


def test_a_creation_signs_five_fields_and_bears_its_keys() -> None:
    ask = session_ask(attempt_ref=REF, description="Lệ phí HS124")
    request = next(open_session(ask, SECRETS))
    body = json.loads(request.body)

    assert body["signature"] == hmac_hex(KEY, creation_text(body))
    assert (body["orderCode"], body["description"]) == (int(REF), "Lệ phí HS124")
    assert (request.headers["x-client-id"], request.headers["x-api-key"]) == ("client-0001", SECRETS.values["apiKey"])


def test_a_long_memo_gives_way_to_the_order_code() -> None:
    request = next(open_session(session_ask(attempt_ref=REF, description="Thanh toan phi 012345678901"), SECRETS))

    assert json.loads(request.body)["description"] == f"TT {REF}"


@pytest.mark.parametrize("ref", ["A-1", "0", "9007199254740992", "١٢٣", ""])
def test_a_reference_that_is_no_order_code_is_not_sent(ref: str) -> None:
    with pytest.raises(StopIteration) as end:
        next(open_session(session_ask(attempt_ref=ref), SECRETS))

    assert end.value.value.contact is Contact.NOT_SENT


def test_a_sum_is_an_assertion_and_never_a_receipt() -> None:
    answer = converse(query(ASK, SECRETS), lambda _: link("PAID", paid_vnd=150_000))

    assert answer.contact is Contact.SUCCEEDED
    assert answer.evidence == (TotalAsserted(attempt_ref=REF, total_vnd=150_000, occurred_at=NOW),)


def test_partial_credit_is_pending_and_counted() -> None:
    answer = converse(
        query(ASK, SECRETS), lambda _: link("UNDERPAID", paid_vnd=1_000, transactions=(transfer(amount=1_000),))
    )

    assert answer.contact is Contact.PENDING
    assert [type(seen) for seen in answer.evidence] == [PaymentSeen, TotalAsserted]


@pytest.mark.parametrize(
    ("status", "state", "unpaid"),
    [("PENDING", "redirected", True), ("PROCESSING", "pending", False), ("CANCELLED", "cancelled", True),
     ("EXPIRED", "expired", True), ("FAILED", "failed", True)],
)  # fmt: skip
def test_states_of_links(status: str, state: str, *, unpaid: bool) -> None:
    answer = converse(query(ASK, SECRETS), lambda _: link(status))

    seen = [item for item in answer.evidence if isinstance(item, AttemptSeen)]
    assert [(item.status, item.not_paid) for item in seen] == [(AttemptStatus(state), unpaid)]


def test_a_cancelled_link_with_money_is_not_called_unpaid() -> None:
    answer = converse(query(ASK, SECRETS), lambda _: link("CANCELLED", paid_vnd=150_000, transactions=(transfer(),)))

    assert [seen.amount_vnd for seen in answer.evidence if isinstance(seen, PaymentSeen)] == [150_000]
    assert not any(isinstance(seen, AttemptSeen) and seen.not_paid for seen in answer.evidence)


def test_a_wrong_signature_of_an_answer_is_noticed() -> None:
    answer = converse(query(ASK, SECRETS), lambda _: link("PAID", paid_vnd=1, signature="0" * 64))

    assert (answer.contact, answer.evidence) == (Contact.UNKNOWN, ())


@pytest.mark.parametrize(("wanted", "contact"), [("signed", Contact.UNKNOWN), ("any", Contact.PENDING)])
def test_unsigned_answers_are_read_only_if_one_says_so(wanted: str, contact: Contact) -> None:
    secrets = replace(SECRETS, options={**SECRETS.options, "answers": wanted})
    bare = {name: value for name, value in json.loads(link("PENDING").body).items() if name != "signature"}

    assert (
        converse(query(ASK, secrets), lambda _: HttpReply(status=200, body=json.dumps(bare).encode())).contact
        is contact
    )


def test_cancelling_closes_the_link() -> None:
    closed = AttemptSeen(attempt_ref=REF, status=AttemptStatus.CANCELLED, occurred_at=NOW)
    request = next(cancel(ASK, SECRETS))

    answer = converse(cancel(ASK, SECRETS), lambda asked: reply(asked, (closed,), SECRETS, NOW))

    assert request.url.endswith(f"/v2/payment-requests/{REF}/cancel")
    assert answer.contact is Contact.DECLINED


@pytest.mark.parametrize(
    ("status", "contact"), [(401, Contact.DECLINED), (403, Contact.DECLINED), (400, Contact.UNKNOWN)]
)
def test_refused_keys_open_nothing(status: int, contact: Contact) -> None:
    refused = HttpReply(status=status, body=b'{"code":"401","desc":"no"}')

    assert converse(open_session(session_ask(attempt_ref=REF), SECRETS), lambda _: refused).contact is contact


@pytest.mark.parametrize("told", ["2026-01-15 10:31:12", "2026-01-15T10:31:12+07:00", "2026-01-15T03:31:12Z"])
def test_times_are_vietnams_unless_they_say_otherwise(told: str) -> None:
    read = parse_webhook(webhook(transfer(transactionDateTime=told)), SECRETS, NOW)

    assert isinstance(read, Notice)
    assert read.evidence[0].occurred_at == datetime(2026, 1, 15, 3, 31, 12, tzinfo=UTC)


def test_an_unsigned_webhook_is_refused() -> None:
    with pytest.raises(BadSignature):
        parse_webhook(webhook(transfer(), signature=None), SECRETS, NOW)
