"""Requests to copy: one body per operation, in openapi.yaml and on the page of the API. A test decodes each."""

from collections.abc import Mapping
from typing import Any, Final

_CERTIFICATE: Final = {"birth_date": "1990-05-20", "copies": 3}

SAMPLES: Final[Mapping[str, Mapping[str, Any]]] = {
    "POST /v1/quotes": {"procedure": "2.000488", "as_of": "2026-11-23", "facts": _CERTIFICATE},
    "POST /v1/orders": {
        "reference": "HS-0001",
        "return_url": "http://127.0.0.1:9001/",
        "payer": {"name": "Nguyễn Văn An"},
        "lines": [
            {
                "dossier_code": "G22.99-261123-0001",
                "collecting_body": "G22.99",
                "procedure": "2.000488",
                "as_of": "2026-11-23",
                "facts": _CERTIFICATE,
            }
        ],
    },
    "POST /v1/orders/{order_id}/refunds": {
        "source": "component",
        "line": 1,
        "component": "phi",
        "amount_vnd": 50_000,
        "reason": "Hồ sơ không đủ điều kiện, hoàn phí theo quyết định",
    },
    "POST /v1/unapplied/{receipt_id}/refunds": {"amount_vnd": 50_000, "reason": "Nộp thừa"},
    "POST /v1/banks/{bank}/secrets": {"values": {"secretKey": "new-key-from-the-merchant-page"}, "by": "an"},
    "POST /v1/breaks/{break_id}/assign": {"owner": "an", "by": "minh"},
    "POST /v1/breaks/{break_id}/comments": {"text": "Đã gọi ngân hàng, chờ sao kê ngày 24.11", "by": "an"},
    "POST /v1/breaks/{break_id}/proposal": {"action": "explain", "document": "Công văn 12/NH ngày 24.11", "by": "an"},
    "POST /v1/breaks/{break_id}/approve": {"by": "minh", "content_hash": "0" * 64},
    "POST /v1/breaks/{break_id}/reject": {"by": "minh", "reason": "Chưa có sao kê"},
    "POST /v1/minutes/{bank}/{day}/sign": {"by": "an", "content_hash": "0" * 64},
    "POST /v1/refunds/{refund_id}/approve": {"by": "minh", "content_hash": "0" * 64},
    "POST /v1/refunds/{refund_id}/reject": {"by": "minh"},
    "POST /v1/decisions": {
        "by": "an",
        "document": "Giấy báo Có số 15 của KBNN ngày 25.11",
        "asked": {"action": "remit", "holder": "retained@G22.99", "beneficiary": "treasury", "until": "2026-11-24"},
    },
    "POST /v1/decisions/{decision_id}/approve": {"by": "minh", "content_hash": "0" * 64},
    "POST /v1/decisions/{decision_id}/reject": {"by": "minh"},
    "POST /v1/payouts": {"account": "1020304050", "by": "an", "until": "2026-11-24"},
    "POST /v1/payouts/refunds": {
        "by": "an",
        "refunds": [
            {
                "refund_id": "rfd_" + "0" * 32,
                "to": {
                    "name": "NGUYEN VAN AN",
                    "account": "0071001234567",
                    "bank_code": "BFTVVNVX",
                    "claim": "Đơn đề nghị hoàn số 7 ngày 24.11",
                },
            }
        ],
    },
    "POST /v1/payouts/{batch}/again": {"by": "an", "group": 1},
    "POST /v1/payouts/{batch}/export": {"by": "an"},
    "POST /v1/payouts/{batch}/slips": {"by": "an"},
    "POST /v1/payouts/{batch}/approve": {"by": "minh", "content_hash": "0" * 64, "document": "Lệnh chi 88 ngày 25.11"},
    "POST /v1/payouts/{batch}/reject": {"by": "minh"},
    "POST /v1/payouts/{batch}/confirm": {"by": "an", "group": 1},
    "POST /v1/payouts/{batch}/return": {"by": "an", "group": 1},
}
