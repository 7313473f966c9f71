"""What the columns and fields of verbs are called for people, Vietnamese first; scripts read `--json` and its names."""

from collections.abc import Mapping
from typing import Final

LABELS: Final[Mapping[str, str]] = {
    "account": "tài khoản", "action": "việc", "actions": "việc được phép", "age_days": "tuổi (ngày)",
    "amount_vnd": "số tiền", "applied_at": "cổng ghi nhận lúc", "area": "ĐBHC", "as_of": "tại thời điểm",
    "asked": "đề nghị", "automatic": "tự động", "bank": "ngân hàng", "bank_code": "mã ngân hàng",
    "bank_txn_id": "mã giao dịch NH", "basis": "căn cứ", "batch": "lô", "batch_id": "lô", "beneficiary": "đơn vị hưởng",
    "booked_at": "ghi sổ lúc", "book_amount_vnd": "theo sổ", "budget_unit": "mã QHNS", "by_itself": "tự xử lý",
    "came_back_vnd": "bị trả về", "chapter": "chương",
    "checked_by": "người duyệt", "code": "mã ngân sách", "collecting_body": "cơ quan thu",
    "collecting_office": "mã cơ quan thu", "component": "thành phần", "confirmed": "đã chi",
    "content_hash": "mã băm nội dung", "created_at": "lập lúc", "credits_vnd": "sao kê ghi có", "day": "ngày",
    "decided_at": "duyệt lúc", "decided_by": "người duyệt", "detail": "chi tiết", "difference_vnd": "chênh lệch",
    "direction": "chiều", "disbursed_vnd": "đã chi", "document": "chứng từ", "due_on": "hạn", "ended_at": "kết thúc",
    "end_to_end_id": "mã lệnh", "escalated": "chuyển cấp trên", "example": "ví dụ", "file": "tệp", "figures": "kết quả",
    "found": "đối tượng", "free_vnd": "chưa phân bổ", "group": "lệnh số", "held_vnd": "đang giữ", "history": "lịch sử",
    "holder": "bên giữ tiền", "id": "mã", "into": "vào", "kind": "loại", "line": "dòng", "lines": "số dòng",
    "live_vnd": "còn hiệu lực", "made_at": "lập lúc", "merchant": "đơn vị chấp nhận", "mode": "chế độ", "name": "tên",
    "name_vi": "tên gọi", "needs": "cần", "no": "số", "occurred_at": "phát sinh lúc", "ok": "khớp",
    "oldest": "cũ nhất", "order_id": "đơn", "orders": "lệnh chi", "overdue": "quá hạn", "owed_vnd": "phải trả",
    "owner": "thuộc về", "payee": "tài khoản nhận", "portal": "cổng", "proposal": "đề nghị",
    "proposed_at": "đề nghị lúc",
    "proposed_by": "người đề nghị", "reason": "lý do", "receipt_id": "khoản thu", "receipts": "số khoản",
    "receipts_vnd": "sổ ghi thu", "ref": "mã thanh toán", "reference": "mã của cổng", "refund_due_vnd": "phải hoàn",
    "refunds": "hoàn trả", "remit_by": "kỳ hạn", "remit_every": "kỳ nộp", "requested_by": "người đề nghị",
    "resolution": "cách xử lý", "returned": "bị trả về", "risk_vnd": "giá trị rủi ro", "role": "vai trò",
    "route": "cách hoàn", "row": "bút toán", "sent": "đã gửi", "set_at": "lập lúc", "set_by": "người lập",
    "settled": "đã quyết toán", "shown": "đã xem", "signatures": "chữ ký", "slices": "số phần", "source": "nguồn",
    "stands_with": "đang ở", "started_at": "bắt đầu", "statement_amount_vnd": "theo ngân hàng",
    "states": "trạng thái lệnh",
    "status": "trạng thái", "step": "bước", "suggested": "gợi ý", "takes": "có thể thêm", "taken_back_vnd": "bị đảo",
    "title_en": "English", "title_vi": "tên gọi", "total_vnd": "tổng số", "treasury_unit": "mã KBNN",
    "tries": "lần chạy",
    "units": "số đơn vị", "unknown": "chưa rõ", "value_date": "ngày giá trị", "violations": "vi phạm",
    "vnd": "số tiền", "waits_for": "đang chờ",
}  # fmt: skip
