"""Bill collection (thu hộ): the bank calls us, with a payment code that the payer brings to its counter or app.

No bank publishes its messages, so this is our own contract (grade C; version 1, 2026-11): JSON over HTTPS,
`inquiry(requestId, billCode | customerCode)`, `payment(requestId, bankTransId, billCode, amount, paidAt)`,
`reversal(requestId, bankTransId, reason)` within a declared window, `status(requestId, bankTransId)`. The end of the
address and a member `operation` may name the operation, but only the body is signed, so its shape decides: a reversal
has a reason, a payment a bill and an amount. Every body is signed with RSA-SHA256
(PKCS#1 v1.5, base64) over its exact bytes, in a header; a client certificate can be demanded besides.

The bank's transaction id identifies the cash, so that one bill paid at two counters is two receipts. Money that comes
with a refused payment (already paid, wrong amount) is kept as unapplied until the bank reverses it.

Confirm with the bank: everything here; above all whether a refused payment is given back at the counter.
"""

import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Final

from paygw.kernel.codes import read_payment_code
from paygw.kernel.connector import (
    BadSignature,
    BillAnswer,
    BillCall,
    BillDesk,
    BillOperation,
    BillResult,
    Connector,
    Contact,
    Credential,
    HttpReply,
    HttpRequest,
    Ignored,
    Limits,
    Malformed,
    Notice,
    Secrets,
    Session,
    SessionAsk,
    Verdict,
)
from paygw.kernel.evidence import Authority, PaymentSeen
from paygw.kernel.forms import keys_of
from paygw.kernel.observed import header, local_time, named, reference
from paygw.kernel.rsa import is_signed
from paygw.kernel.wire import AMOUNT_MAX_VND, Json, parsed, sum_vnd, text_or_none

OPERATIONS: Final[Mapping[str, BillOperation]] = MappingProxyType(
    {"inquiry": "inquiry", "payment": "payment", "reversal": "reversal", "status": "status"}
)
# Our codes; a bank's own ones come from the option `codes`.
CODES: Final[Mapping[BillResult, str]] = MappingProxyType(
    {
        BillResult.OK: "00",
        BillResult.NOT_FOUND: "01",
        BillResult.ALREADY_PAID: "02",
        BillResult.WRONG_AMOUNT: "03",
        BillResult.EXPIRED: "04",
        BillResult.DIFFERS: "06",
        BillResult.TOO_LATE: "07",
        BillResult.BAD_SIGNATURE: "97",
        BillResult.MALFORMED: "98",
        BillResult.UNAVAILABLE: "99",
    }
)
_SAID: Final = {
    BillResult.OK: "Thành công",
    BillResult.NOT_FOUND: "Không tìm thấy mã thanh toán",
    BillResult.ALREADY_PAID: "Khoản này đã được thanh toán",
    BillResult.WRONG_AMOUNT: "Số tiền không khớp",
    BillResult.EXPIRED: "Mã thanh toán đã hết hạn",
    BillResult.DIFFERS: "Mã giao dịch đã dùng với nội dung khác",
    BillResult.TOO_LATE: "Đã quá thời hạn hủy giao dịch",
    BillResult.BAD_SIGNATURE: "Chữ ký không hợp lệ",
    BillResult.MALFORMED: "Thông điệp không đúng định dạng",
    BillResult.UNAVAILABLE: "Hệ thống bận, xin gửi lại",
}
_STATUSES: Final = {BillResult.BAD_SIGNATURE: 401, BillResult.MALFORMED: 400, BillResult.UNAVAILABLE: 503}
_RESULT_OF: Final = {
    Verdict.UNKNOWN_ORDER: BillResult.NOT_FOUND,
    Verdict.WRONG_AMOUNT: BillResult.WRONG_AMOUNT,
    Verdict.ALREADY_FINAL: BillResult.ALREADY_PAID,
    Verdict.BAD_SIGNATURE: BillResult.BAD_SIGNATURE,
    Verdict.MALFORMED: BillResult.MALFORMED,
    Verdict.UNAVAILABLE: BillResult.UNAVAILABLE,
}
_DAY_S: Final = 86_400


def build_redirect(ask: SessionAsk, secrets: Secrets) -> Session:
    """The payment code, to be printed or read out at the bank."""
    if not keys_of(secrets, "public_key"):
        return Session(contact=Contact.NOT_SENT, bank_code="unconfigured")
    if not ask.is_payable:
        return Session(contact=Contact.NOT_SENT, bank_code="amount_out_of_range")
    return Session(contact=Contact.SUCCEEDED, qr_text=ask.attempt_ref)


def read(request: HttpRequest, secrets: Secrets) -> BillCall:
    """One call. The certificate and the signature come before a byte of the body is looked at."""
    _require_authentic(request, secrets)
    fields = parsed(request.body)
    operation = _operation(request, fields)
    request_id = named(fields, "requestId")[:64]
    if not request_id:
        raise Malformed("requestId is missing")
    if operation == "inquiry":
        return BillCall(operation=operation, request_id=request_id, bill_code=_bill_code(fields))
    txn_id = reference(fields, "bankTransId") or reference(fields, "transId")
    if txn_id is None:
        raise Malformed("bankTransId is missing")
    if operation != "payment":
        reason = text_or_none(fields, "reason") or ""
        return BillCall(operation=operation, request_id=request_id, bank_txn_id=txn_id, reason=reason, content=txn_id)
    code = _bill_code(fields)
    seen = PaymentSeen(
        attempt_ref=code,
        bank_txn_id=txn_id,
        amount_vnd=sum_vnd(fields, "amount"),
        occurred_at=local_time(fields.get("paidAt")),
        memo=text_or_none(fields, "channel") or "",
    )
    content = f"{code}|{seen.amount_vnd}|{seen.occurred_at.isoformat()}"
    return BillCall(
        operation=operation,
        request_id=request_id,
        bill_code=code,
        bank_txn_id=txn_id,
        payment=seen,
        content=content,
    )


def answer(call: BillCall | None, given: BillAnswer, secrets: Secrets) -> HttpReply:
    """The answer in this bank's codes."""
    result = given.result
    told: Json = {"resultCode": _codes(secrets)[result], "resultMessage": _SAID[result]}
    if call is not None:
        told |= {"requestId": call.request_id, "operation": call.operation}
        told |= {"bankTransId": call.bank_txn_id} if call.bank_txn_id else {}
    if given.bill is not None:
        bill = given.bill
        told |= {
            "customerName": bill.payer_name,
            "bills": [
                {
                    "billCode": bill.code,
                    "amount": bill.amount_vnd,
                    "dueDate": _stamp(bill.due_at),
                    "description": bill.description,
                }
            ],
        }
    told |= {"receiptNo": given.receipt_no} if given.receipt_no else {}
    told |= {"paymentStatus": given.state} if given.state else {}
    body = json.dumps(told, ensure_ascii=False).encode("utf-8", "surrogatepass")
    return HttpReply(
        status=_STATUSES.get(result, 200), headers={"content-type": "application/json; charset=utf-8"}, body=body
    )


def reversal_window(secrets: Secrets) -> timedelta:
    """How long this bank may take a payment back by itself."""
    return timedelta(seconds=int(secrets.options.get("reversal_window_s", _DAY_S)))


def parse_webhook(request: HttpRequest, secrets: Secrets, now: datetime) -> Notice | Ignored:
    """The evidence in a payment or a reversal; the other calls say nothing about money."""
    call = read(request, secrets)
    fields = parsed(request.body)
    if call.payment is not None:
        return Notice(evidence=(call.payment,), authority=Authority.NOTICE, event_id=call.bank_txn_id)
    if call.operation != "reversal":
        return Ignored(reason=call.operation)
    amount_vnd = fields.get("amount")
    if type(amount_vnd) is not int or not 0 < amount_vnd <= AMOUNT_MAX_VND:
        return Ignored(reason="a reversal whose amount only our own book knows")
    at = local_time(fields["reversedAt"]) if fields.get("reversedAt") is not None else now
    return Notice(evidence=(call.as_reversal(amount_vnd, at),), authority=Authority.NOTICE, event_id=call.bank_txn_id)


def acknowledge(verdict: Verdict) -> HttpReply:
    """A verdict in our own codes."""
    result = _RESULT_OF.get(verdict, BillResult.OK)
    return answer(None, BillAnswer(result=result), Secrets(base_url="", merchant="", values={}))


def _require_authentic(request: HttpRequest, secrets: Secrets) -> None:
    options = secrets.options
    wanted = options.get("client_certificate", "")
    if wanted:
        given = header(request, options.get("certificate_header", "x-client-certificate-sha256").lower())
        plain = given.replace(":", "").lower().encode("utf-8", "surrogatepass")
        if not hmac.compare_digest(plain, wanted.lower().encode()):
            raise BadSignature("another client certificate")
    given = header(request, options.get("signature_header", "x-signature").lower())
    if not any(is_signed(key, given, request.body) for key in keys_of(secrets, "public_key")):
        raise BadSignature


def _operation(request: HttpRequest, fields: Json) -> BillOperation:
    """By the shape of the body; a member `operation` and the unsigned address must agree. Raises Malformed."""
    shape = _shape(fields)
    named = fields.get("operation", shape)
    last = request.url.partition("?")[0].rstrip("/").rpartition("/")[2]
    if named != shape or OPERATIONS.get(last, shape) != shape:
        raise Malformed("address, operation and content do not agree")
    return shape


def _shape(fields: Json) -> BillOperation:
    if "bankTransId" not in fields and "transId" not in fields:
        return "inquiry"
    if "reason" in fields:
        return "reversal"
    names_bill = "billCode" in fields or "customerCode" in fields
    return "payment" if names_bill and "amount" in fields else "status"


def _bill_code(fields: Json) -> str:
    """A code as typed at a counter, in our writing where it is one of ours."""
    told = named(fields, "billCode") or named(fields, "customerCode")
    if not told:
        raise Malformed("billCode is missing")
    return read_payment_code(told) or told.strip()[:64]


def _codes(secrets: Secrets) -> Mapping[BillResult, str]:
    pairs = [pair.partition("=") for pair in secrets.options.get("codes", "").split(",") if pair]
    return {**CODES, **{BillResult(name): code for name, _, code in pairs}}


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


_RESULT_NAMES: Final = "|".join(BillResult)
CONNECTOR = Connector(
    name="billcollect",
    title="Nộp tại quầy, ứng dụng ngân hàng (thu hộ)",
    grade="C",
    source="our own contract of bill collection, version 1: no bank publishes one",
    methods=("bill",),
    receipts_per_attempt="many",
    credentials=(
        Credential(
            name="public_key",
            secret=True,
            pattern=r"-----BEGIN PUBLIC KEY-----[A-Za-z0-9+/=\s]{300,2000}-----END PUBLIC KEY-----\s*",
            help="The bank's RSA public key in PEM, at least 2048 bits",
        ),
        Credential(
            name="signature_header",
            secret=False,
            pattern=r"[A-Za-z][A-Za-z0-9-]{1,63}",
            help="Header of the signature; x-signature if not given",
        ),
        Credential(
            name="codes",
            secret=False,
            pattern=rf"({_RESULT_NAMES})=[A-Za-z0-9_-]{{1,16}}(,({_RESULT_NAMES})=[A-Za-z0-9_-]{{1,16}})*",
            help="The bank's own result codes, as ok=00,not_found=01,…",
        ),
        Credential(
            name="reversal_window_s",
            secret=False,
            pattern=r"[0-9]{1,7}",
            help="Seconds in which a payment may be reversed; a day if not given",
        ),
        Credential(
            name="client_certificate",
            secret=False,
            pattern=r"[0-9A-Fa-f]{64}",
            help="SHA-256 of the bank's client certificate, checked by a proxy that overwrites the header",
        ),
        Credential(
            name="certificate_header",
            secret=False,
            pattern=r"[A-Za-z][A-Za-z0-9-]{1,63}",
            help="Header in which that proxy tells it; x-client-certificate-sha256 if not given",
        ),
    ),
    limits=Limits(
        amount_min_vnd=1_000,
        amount_max_vnd=10_000_000_000,
        reference_max_chars=20,
        session_max_s=29 * _DAY_S,
        reference_alphabet="payment_code",
        on_paper=True,
    ),
    parse_webhook=parse_webhook,
    acknowledge=acknowledge,
    build_redirect=build_redirect,
    inquiry=BillDesk(read=read, answer=answer, reversal_window=reversal_window),
)
