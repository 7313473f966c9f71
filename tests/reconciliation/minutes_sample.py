"""Minutes as the hub gives them, with every kind of row."""

from typing import Any

SAMPLE: dict[str, Any] = {
    "bank": "sandbox-a",
    "day": "2026-11-23",
    "no": 1,
    "content_hash": "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef",
    "made_at": "2026-11-24T03:00:00Z",
    "signatures": [
        {"role": "signed", "person": "huong", "name": "Nguyễn Thị Hương", "at": "2026-11-24T03:10:00Z"},
        {"role": "approved", "person": "minh", "name": "Trần Đức Minh", "at": "2026-11-24T03:20:00Z"},
    ],
    "content": {
        "schema": "paygw.minutes/v1",
        "bank": "sandbox-a",
        "bank_title": "Ngân hàng thử nghiệm",
        "merchant": "PAYGW",
        "mode": "routing",
        "day": "2026-11-23",
        "book": {
            "receipts": 3,
            "receipts_vnd": 615_005,
            "taken_back": 0,
            "taken_back_vnd": 0,
            "refunds": 1,
            "refunds_vnd": 60_000,
        },
        "in_words": "Sáu trăm mười lăm nghìn không trăm linh năm đồng",
        "allocated_vnd": 615_000,
        "unallocated_vnd": 5,
        "files": [
            {"kind": "settlement", "digest": "ab" * 32, "lines": 4, "total_vnd": 675_005},
            {"kind": "statement", "digest": "cd" * 32, "lines": 4, "total_vnd": 675_005},
        ],
        "lines": [
            {
                "file": "settlement",
                "movement": "payment",
                "direction": "credit",
                "status": "succeeded",
                "count": 3,
                "vnd": 615_005,
                "fee_vnd": 3_300,
            },
            {
                "file": "statement",
                "movement": "refund",
                "direction": "debit",
                "status": "succeeded",
                "count": 1,
                "vnd": 60_000,
                "fee_vnd": 0,
            },
        ],
        "breakdown": [
            {
                "collecting_body": "G22.99",
                "body_name": "Sở Tư pháp thành phố Hà Nội",
                "procedure": "2.000488",
                "component": "phi",
                "name": "Phí cung cấp thông tin lý lịch tư pháp",
                "title": "Cấp Phiếu lý lịch tư pháp cho công dân Việt Nam",
                "count": 3,
                "vnd": 600_000,
                "treasury_vnd": 90_000,
            },
            {
                "collecting_body": "G22.99",
                "body_name": "Sở Tư pháp thành phố Hà Nội",
                "procedure": "2.000488",
                "component": "in_them",
                "name": "",
                "title": "",
                "count": 3,
                "vnd": 15_000,
                "treasury_vnd": 2_250,
            },
        ],
        "batches": [
            {
                "batch": "2026-11-23",
                "holding": "RB:retained@G22.99:held",
                "lines_vnd": 555_005,
                "fee_vnd": 0,
                "net_vnd": 555_005,
                "status": "matched",
            }
        ],
        "breaks": [
            {
                "kind": "status_differs",
                "ref": "P01A2148AEC2676E28BA1B96F5AF22F82",
                "bank_txn_id": "FT263270000002",
                "book_amount_vnd": 205_000,
                "statement_amount_vnd": 205_000,
                "detail": "succeeded at the bank, pending in the book",
                "status": "resolved",
                "resolution": "đối soát lại không còn thấy",
            },
            {
                "kind": "unidentified_credit",
                "ref": "=cmd|' /C calc'!A0",
                "bank_txn_id": "FT263270000009",
                "book_amount_vnd": None,
                "statement_amount_vnd": 5,
                "detail": "",
                "status": "open",
                "resolution": "",
            },
        ],
    },
}
