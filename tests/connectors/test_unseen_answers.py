"""Answers no document prints: other types, missing fields, odd numbers. What is not clear is unknown, never failed."""

import json
from collections.abc import Mapping
from typing import Final

import pytest

from connectors import discover
from paygw.kernel.connector import Answer, Contact, HttpReply
from paygw.kernel.evidence import PaymentSeen, RefundNewsStatus, RefundSeen
from tests.conformance.pairs import query_ask, refund_ask
from tests.connectors.wires import SECRETS, Fields, as_json, mac, written

CONNECTORS = discover()
REF: Final = {"payos": "5998320000001"}
PAID: Final[Mapping[str, Fields]] = {
    "momo": {
        "partnerCode": SECRETS["momo"].merchant, "requestId": "Q-1", "orderId": "A-1", "amount": 150_000,
        "transId": 2_588_600_001, "resultCode": 0, "message": "Thành công.", "responseTime": 1_763_614_800_000,
        "payType": "qr", "refundTrans": [],
    },
    "zalopay": {
        "return_code": 1, "return_message": "Giao dịch thành công", "sub_return_code": 1, "is_processing": False,
        "amount": 150_000, "zp_trans_id": 261_120_000_001, "server_time": 1_763_614_800_000, "discount_amount": 0,
    },
    "payos": {
        "orderCode": 5_998_320_000_001, "amount": 150_000, "amountPaid": 150_000, "status": "PAID",
        "transactions": [{
            "reference": "FT1", "amount": 150_000, "accountNumber": "0011001234567", "description": "Nộp lệ phí",
            "transactionDateTime": "2026-11-20 10:31:12", "counterAccountName": None,
        }],
    },
    "vnpay": {
        "vnp_ResponseId": "1", "vnp_Command": "querydr", "vnp_ResponseCode": "00", "vnp_Message": "Thành công",
        "vnp_TmnCode": SECRETS["vnpay"].merchant, "vnp_TxnRef": "A-1", "vnp_Amount": "15000000", "vnp_BankCode": "NCB",
        "vnp_PayDate": "20261120103112", "vnp_TransactionNo": "14000001", "vnp_TransactionType": "01",
        "vnp_TransactionStatus": "00", "vnp_OrderInfo": "Nộp lệ phí", "vnp_PromotionCode": "",
        "vnp_PromotionAmount": "",
    },
}  # fmt: skip
AMOUNT: Final = {"momo": "amount", "zalopay": "amount", "vnpay": "vnp_Amount"}
CODE: Final = {"momo": "resultCode", "zalopay": "return_code", "payos": "status", "vnpay": "vnp_TransactionStatus"}
each_protocol = pytest.mark.parametrize("name", sorted(PAID))


def answering(name: str, fields: Fields) -> HttpReply:
    """The provider's answer, signed where its protocol signs answers."""
    if name == "vnpay":
        signed = "|".join(written(fields.get(field)) for field in PAID["vnpay"])
        made = mac(SECRETS["vnpay"].values["hash_secret"], signed, "sha512")
        return HttpReply(status=200, body=as_json({**fields, "vnp_SecureHash": made}))
    if name == "payos":
        told = {
            field: json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
            if isinstance(value, list) else written(value)
            for field, value in fields.items()
        }  # fmt: skip
        signed = "&".join(f"{field}={told[field]}" for field in sorted(told))
        made = mac(SECRETS["payos"].values["checksumKey"], signed, "sha256")
        return HttpReply(status=200, body=as_json({"code": "00", "desc": "ok", "data": fields, "signature": made}))
    return HttpReply(status=200, body=as_json(fields))


def asked(name: str, **changes: object) -> Answer:
    """What an enquiry makes of the paid answer with other fields; `...` leaves one out."""
    query = CONNECTORS[name].query
    assert query is not None
    dialogue = query(query_ask(attempt_ref=REF.get(name, "A-1")), SECRETS[name])
    next(dialogue)
    fields = {field: value for field, value in {**PAID[name], **changes}.items() if value is not ...}
    try:
        dialogue.send(answering(name, fields))
    except StopIteration as end:
        answer: Answer = end.value
        return answer
    raise AssertionError("one request is enough")


@each_protocol
@pytest.mark.parametrize("more", [{}, {"zNew": "~ + & %"}, {"zNew": 0.5}, {"zNew": None}, {"zNew": True}], ids=str)
def test_a_payment_is_found_whatever_else_is_told(name: str, more: dict[str, object]) -> None:
    answer = asked(name, **more)

    assert answer.contact is Contact.SUCCEEDED
    assert [seen.amount_vnd for seen in answer.evidence if isinstance(seen, PaymentSeen)] == [150_000]


@pytest.mark.parametrize("name", sorted(AMOUNT))
@pytest.mark.parametrize(
    "amount", [..., None, "", 0, -150_000, 150_000.5, 150_000.0, True, "1e5", "-1", 10**15, "9" * 40, [1], {}], ids=repr
)
def test_what_is_no_amount_is_unknown(name: str, amount: object) -> None:
    answer = asked(name, **{AMOUNT[name]: amount})

    assert (answer.contact, answer.evidence) == (Contact.UNKNOWN, ())


@each_protocol
@pytest.mark.parametrize("code", [..., None, "", " ", "0x0", "٠", "PONDERING", 31_415, -1, 0.5, [0], {}], ids=repr)
def test_what_is_no_code_is_unknown_and_never_failed(name: str, code: object) -> None:
    answer = asked(name, **{CODE[name]: code})

    assert (answer.contact, answer.evidence) == (Contact.UNKNOWN, ())


@pytest.mark.parametrize(
    ("name", "changes"),
    [("momo", {"resultCode": "0", "amount": "150000", "transId": "2588600001"}),
     ("zalopay", {"return_code": "1", "sub_return_code": "1", "amount": "150000", "zp_trans_id": "1"}),
     ("vnpay", {"vnp_Amount": 15_000_000, "vnp_TransactionNo": 14_000_001})],
)  # fmt: skip
def test_numbers_in_texts_and_texts_in_numbers_are_read(name: str, changes: dict[str, object]) -> None:
    (seen,) = asked(name, **changes).evidence

    assert isinstance(seen, PaymentSeen)
    assert seen.amount_vnd == 150_000


@pytest.mark.parametrize("amount", [50_000, "50000"])
def test_a_refund_of_momo_is_found_by_its_amount(amount: object) -> None:
    refund = CONNECTORS["momo"].refund
    assert refund is not None
    dialogue = refund(refund_ask(bank_txn_id="14000001"), SECRETS["momo"])
    next(dialogue)

    with pytest.raises(StopIteration) as end:
        dialogue.send(HttpReply(status=200, body=as_json({"orderId": "R-1", "resultCode": 0, "amount": amount})))

    (seen,) = end.value.value.evidence
    assert isinstance(seen, RefundSeen)
    assert (seen.status, seen.amount_vnd) == (RefundNewsStatus.SUCCEEDED, 50_000)
