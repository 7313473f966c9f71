"""The providers' side of each protocol, written from their documents with the standard library alone.

Nothing of ours that signs or encodes is called here: what agrees with these agrees with the documents.
"""

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import quote_plus, unquote_plus, urlencode

from paygw.kernel.connector import HttpRequest, Secrets
from paygw.simulators.side import sides
from tests.conformance.pairs import NOW

Fields = Mapping[str, object]
SECRETS: Final[Mapping[str, Secrets]] = {name: side.secrets for name, side in sides().items()}
HOOK: Final = "https://hub.example/webhooks/x"
MOMO_NOTICE: Final = (
    "amount", "extraData", "message", "orderId", "orderInfo", "orderType", "partnerCode", "payType", "requestId",
    "responseTime", "resultCode", "transId",
)  # fmt: skip


def mac(key: str | bytes, text: str | bytes, algorithm: str) -> str:
    """HMAC in lower-case hex."""
    secret, signed = (value if isinstance(value, bytes) else value.encode() for value in (key, text))
    return hmac.new(secret, signed, getattr(hashlib, algorithm)).hexdigest()


def written(value: object) -> str:
    """A JSON value in a signed text: nothing for null, digits for a number."""
    return "" if value is None else json.dumps(value) if isinstance(value, bool | float) else str(value)


def posted(body: bytes, headers: Mapping[str, str] | None = None) -> HttpRequest:
    """A message with a body."""
    return HttpRequest(method="POST", url=HOOK, headers=headers or {}, body=body)


def as_json(fields: object) -> bytes:
    """As PHP's and JavaScript's default writers would not agree on it, but any reader does."""
    return json.dumps(fields, ensure_ascii=False).encode()


def momo(fields: Fields) -> HttpRequest:
    """MoMo, page "notification": accessKey and twelve values in the order of their names, raw."""
    keys = SECRETS["momo"].values
    pairs = [f"accessKey={keys['accessKey']}", *(f"{name}={written(fields.get(name))}" for name in MOMO_NOTICE)]
    return posted(as_json({**fields, "signature": mac(keys["secretKey"], "&".join(pairs), "sha256")}))


def zalopay(fields: Fields) -> HttpRequest:
    """ZaloPay, "callback": the text of `data` as it travels, key2."""
    data = json.dumps(fields, ensure_ascii=False)
    return posted(as_json({"data": data, "mac": mac(SECRETS["zalopay"].values["key2"], data, "sha256"), "type": 1}))


def payos(fields: Fields) -> HttpRequest:
    """payOS: every key of `data`, sorted; null, "null" and "undefined" are empty."""
    told = {name: "" if value in ("null", "undefined") else written(value) for name, value in fields.items()}
    signed = "&".join(f"{name}={told[name]}" for name in sorted(told))
    key = SECRETS["payos"].values["checksumKey"]
    return posted(as_json({"code": "00", "success": True, "data": fields, "signature": mac(key, signed, "sha256")}))


def casso(fields: Fields) -> HttpRequest:
    """Casso v2: `t.` and the compact JSON with sorted keys, as JavaScript writes it."""
    body = {"error": 0, "data": fields}
    text = "1763614800000." + json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    signature = mac(SECRETS["casso"].values["secret"], text, "sha512")
    return posted(as_json(body), {"x-casso-signature": f"t=1763614800000,v1={signature}"})


def sepay(fields: Fields) -> HttpRequest:
    """SePay: `timestamp.` and the bytes of the body."""
    body, stamp = as_json(fields), str(int(NOW.timestamp()))
    signature = mac(SECRETS["sepay"].values["secret"], stamp.encode() + b"." + body, "sha256")
    return posted(body, {"x-sepay-timestamp": stamp, "x-sepay-signature": f"sha256={signature}"})


def vietqr_vn(fields: Fields) -> HttpRequest:
    """vietqr.vn: transactionId, the amount in ten digits, transactionTime, orderId, nothing between."""
    amount = written(fields.get("amount")).rjust(10, "0")
    before, *behind = (written(fields.get(name)) for name in ("transactionId", "transactionTime", "orderId"))
    signed = "".join((before, amount, *behind))
    return posted(as_json({**fields, "signature": mac(SECRETS["vietqr_vn"].values["secret"], signed, "sha256")}))


def form(text: object) -> str:
    """Form-encoded as PHP does it: space is +, ~ is %7E."""
    return quote_plus(str(text)).replace("~", "%7E")


def vnpay(fields: Fields) -> HttpRequest:
    """VNPAY 2.1.0, IPN: the sorted, form-encoded pairs that are not empty."""
    query = "&".join(f"{form(name)}={form(value)}" for name, value in sorted(fields.items()) if value not in (None, ""))
    return got(f"{query}&vnp_SecureHash={mac(SECRETS['vnpay'].values['hash_secret'], query, 'sha512')}")


def onepay(fields: Fields) -> HttpRequest:
    """OnePAY VPC 2: the sorted raw `vpc_` and `user_` pairs that are not empty, a key in hex."""
    signed = "&".join(f"{name}={value}" for name, value in sorted(fields.items()) if value not in (None, ""))
    made = mac(bytes.fromhex(SECRETS["onepay"].values["hash_key"]), signed, "sha256").upper()
    told = {name: value for name, value in fields.items() if value is not None}
    return got(urlencode({**told, "vpc_SecureHash": made}))


def got(query: str) -> HttpRequest:
    """A message in the address."""
    return HttpRequest(method="GET", url=f"{HOOK}?{query}")


def pairs_of(url: str) -> dict[str, str]:
    """The decoded pairs of an address."""
    pairs = [pair.partition("=") for pair in url.partition("?")[2].split("&")]
    return {unquote_plus(name): unquote_plus(value) for name, _, value in pairs}


SIGNED: Final[Mapping[str, Callable[[Fields], HttpRequest]]] = {
    "momo": momo, "zalopay": zalopay, "payos": payos, "casso": casso, "sepay": sepay, "vietqr_vn": vietqr_vn,
    "vnpay": vnpay, "onepay": onepay,
}  # fmt: skip
# A payment of 150,000 đồng in each protocol.
PAID: Final[Mapping[str, Fields]] = {
    "momo": {
        "partnerCode": SECRETS["momo"].merchant, "orderId": "A1", "requestId": "A1", "amount": 150_000,
        "orderInfo": "Nộp lệ phí", "orderType": "momo_wallet", "transId": 2_588_600_001, "resultCode": 0,
        "message": "Thành công.", "payType": "qr", "responseTime": 1_763_614_800_000, "extraData": "",
    },
    "zalopay": {
        "app_id": int(SECRETS["zalopay"].merchant), "app_trans_id": "261120_A1", "app_time": 1_763_614_800_000,
        "app_user": "paygw", "amount": 150_000, "embed_data": "{}", "item": "[]", "zp_trans_id": 261_120_000_001,
        "server_time": 1_763_614_800_000, "channel": 38, "user_fee_amount": 0, "discount_amount": 0,
    },
    "payos": {
        "orderCode": 5_998_320_000_001, "amount": 150_000, "description": "Nop le phi", "reference": "FT1",
        "accountNumber": "0011001234567", "transactionDateTime": "2026-11-20 10:31:12", "currency": "VND",
        "paymentLinkId": "a1b2",
        "code": "00", "desc": "Thành công", "counterAccountName": None, "virtualAccountNumber": "",
    },
    "casso": {
        "id": 1, "reference": "FT1", "description": "Nộp lệ phí", "amount": 150_000, "runningBalance": 1_000_000,
        "transactionDateTime": "2026-11-20 10:31:12", "accountNumber": "0011001234567", "virtualAccountNumber": "",
    },
    "sepay": {
        "id": 1, "gateway": "VCB", "transactionDate": "2026-11-20 10:31:12", "accountNumber": "0011001234567",
        "code": None, "content": "Nộp lệ phí", "transferType": "in", "transferAmount": 150_000, "accumulated": 1,
        "subAccount": None, "referenceCode": "FT1", "description": "",
    },
    "vietqr_vn": {
        "transactionId": "T1", "transactionTime": 1_763_614_800_000, "referencenumber": "FT1", "amount": 150_000,
        "content": "Nộp lệ phí", "bankAccount": "0011001234567", "transType": "C", "orderId": "O1",
    },
    "vnpay": {
        "vnp_TmnCode": SECRETS["vnpay"].merchant, "vnp_Amount": "15000000", "vnp_BankCode": "NCB",
        "vnp_PayDate": "20261120103112", "vnp_OrderInfo": "Nop le phi", "vnp_TransactionNo": "14000001",
        "vnp_ResponseCode": "00", "vnp_TransactionStatus": "00", "vnp_TxnRef": "A1",
    },
    "onepay": {
        "vpc_TxnResponseCode": "0", "vpc_TransactionNo": "1431785", "vpc_MerchTxnRef": "A1", "vpc_Amount": "15000000",
        "vpc_Message": "Approved", "vpc_Merchant": SECRETS["onepay"].merchant, "vpc_OrderInfo": "Nop le phi",
    },
}  # fmt: skip
