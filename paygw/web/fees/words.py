"""The words of the public fee page, in both languages: what one lacks, the type checker names."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from paygw.kernel.fees.speech import Language


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeWords:
    """One language."""

    title: str
    intro: str
    search: str
    search_hint: str
    find: str
    found: str
    none_found: str
    all: str
    code: str
    agency: str
    placeholder: str
    in_force: str
    history: str
    not_in_force: str
    national: str
    province: str
    since: str
    until: str
    legal: str
    confidence: Mapping[str, str]
    kinds: Mapping[str, str]
    sub_item: str
    what: str
    how_much: str
    basis: str
    assessed: str
    calculator: str
    calculator_hint: str
    as_of: str
    as_of_hint: str
    area: str
    area_hint: str
    optional: str
    choose: str
    yes: str
    vnd: str
    calculate: str
    problem: str
    errors: Mapping[str, str]
    between: str
    result: str
    outcome: Mapping[str, str]
    before: str
    amount: str
    total: str
    beneficiaries: str
    to: Mapping[str, str]
    why: str
    not_binding: str
    back: str
    not_found: str


_VI: Final = FeeWords(
    title="Phí, lệ phí thủ tục hành chính",
    intro="Tra cứu mức phí, lệ phí đang áp dụng, căn cứ pháp lý và tính số phải nộp. Không cần đăng nhập.",
    search="Tên thủ tục, mã thủ tục hoặc cơ quan",
    search_hint="Gõ có dấu hoặc không dấu đều được.",
    find="Tìm",
    found="Tìm thấy {} thủ tục.",
    none_found="Không có thủ tục nào phù hợp. Hãy thử ít từ hơn.",
    all="Xem tất cả thủ tục",
    code="Mã thủ tục",
    agency="Cơ quan thu",
    placeholder="Mã tạm, không phải mã quốc gia",
    in_force="Mức thu đang áp dụng ngày {}",
    history="Các mức thu khác",
    not_in_force="Ngày này không có mức thu nào đang áp dụng.",
    national="Toàn quốc",
    province="Tỉnh, thành phố mã {}",
    since="từ {}",
    until="đến hết {}",
    legal="Căn cứ pháp lý",
    confidence=MappingProxyType(
        {
            "verified": "Đã đối chiếu với văn bản",
            "memory": "Chưa đối chiếu với văn bản",
            "illustrative": "Số liệu minh họa",
            "unmarked": "Chưa ghi mức độ tin cậy",
        }
    ),
    kinds=MappingProxyType({"phi": "phí", "le_phi": "lệ phí", "an_phi": "án phí"}),
    sub_item="tiểu mục {}",
    what="Nội dung",
    how_much="Mức thu",
    basis="Căn cứ, thời hạn riêng",
    assessed="Cơ quan thu xác định số tiền của từng hồ sơ; con số dưới đây chỉ để tham khảo.",
    calculator="Tính số phải nộp",
    calculator_hint="Thông tin bạn nhập chỉ dùng để tính, không được lưu lại.",
    as_of="Ngày nộp hồ sơ",
    as_of_hint="Mức thu theo ngày này, không theo ngày trả tiền.",
    area="Mã tỉnh, thành phố",
    area_hint="Hai chữ số, ví dụ 01. Bỏ trống nếu dùng mức thu toàn quốc.",
    optional="không bắt buộc",
    choose="Chọn",
    yes="Có",
    vnd="đồng",
    calculate="Tính",
    problem="Chưa tính được",
    errors=MappingProxyType(
        {
            "bad_request": "Ngày hoặc mã tỉnh không đúng dạng.",
            "missing_fact": "Hãy điền mục này.",
            "bad_type": "Giá trị không đúng dạng.",
            "bad_enum": "Hãy chọn một giá trị trong danh sách.",
            "out_of_range": "Giá trị ngoài khoảng cho phép.",
            "unknown_fact": "Mẫu đã thay đổi theo ngày: hãy xem lại và tính lần nữa.",
            "inconsistent_facts": "Các thông tin này mâu thuẫn với nhau.",
            "province_required": "Mức thu do địa phương quy định: hãy điền mã tỉnh, thành phố.",
            "no_schedule_in_force": "Không có mức thu nào áp dụng vào ngày này.",
            "no_case_matches": "Biểu mức thu không có trường hợp này. Hãy hỏi cơ quan thu.",
        }
    ),
    between="Từ {low} đến {high}.",
    result="Kết quả",
    outcome=MappingProxyType(
        {
            "charged": "Số phải nộp",
            "free": "Không thu: biểu mức thu quy định 0 đồng trong trường hợp này.",
            "exempt": "Được miễn toàn bộ.",
            "not_applicable": "Không thuộc khoản thu nào.",
        }
    ),
    before="Trước miễn, giảm",
    amount="Phải nộp",
    total="Tổng cộng",
    beneficiaries="Nơi nhận tiền",
    to=MappingProxyType({"treasury": "Ngân sách nhà nước", "retained": "Để lại tổ chức thu"}),
    why="Cách tính",
    not_binding="Kết quả để tham khảo. Số phải nộp chính thức do cơ quan thu thông báo theo hồ sơ.",
    back="Danh sách thủ tục",
    not_found="Không có thủ tục mang mã này.",
)
_EN: Final = FeeWords(
    title="Fees of administrative procedures",
    intro="Look up the fees in force and their legal basis, and calculate what is due. No login.",
    search="Name or code of the procedure, or agency",
    search_hint="With or without accents.",
    find="Find",
    found="{} procedures found.",
    none_found="No procedure matches. Try fewer words.",
    all="See all procedures",
    code="Procedure code",
    agency="Collecting body",
    placeholder="Provisional, not a national code",
    in_force="Tariff in force on {}",
    history="Other tariffs",
    not_in_force="No tariff is in force on this day.",
    national="Whole country",
    province="Province with code {}",
    since="from {}",
    until="until {}",
    legal="Legal basis",
    confidence=MappingProxyType(
        {
            "verified": "Checked against the legal text",
            "memory": "Not yet checked against the legal text",
            "illustrative": "Illustrative figures",
            "unmarked": "Confidence not stated",
        }
    ),
    kinds=MappingProxyType({"phi": "fee (phí)", "le_phi": "charge (lệ phí)", "an_phi": "court fee (án phí)"}),
    sub_item="budget sub-item {}",
    what="Item",
    how_much="Price",
    basis="Own legal basis and dates",
    assessed="The collecting body sets the amount of each dossier; the figure below is for orientation only.",
    calculator="Calculate what is due",
    calculator_hint="What you enter is used for the calculation only and is not kept.",
    as_of="Day the dossier is submitted",
    as_of_hint="The tariff of this day counts, not that of the day of payment.",
    area="Province code",
    area_hint="Two digits, such as 01. Leave empty for the national tariff.",
    optional="optional",
    choose="Choose",
    yes="Yes",
    vnd="VND",
    calculate="Calculate",
    problem="No result yet",
    errors=MappingProxyType(
        {
            "bad_request": "The day or the province code is not well formed.",
            "missing_fact": "Please fill this in.",
            "bad_type": "This value is not well formed.",
            "bad_enum": "Please choose one of the list.",
            "out_of_range": "This value is out of range.",
            "unknown_fact": "The form changed with the day: look again and calculate once more.",
            "inconsistent_facts": "These answers contradict each other.",
            "province_required": "Provinces set this tariff: give the province code.",
            "no_schedule_in_force": "No tariff is in force on this day.",
            "no_case_matches": "The tariff does not cover this case. Ask the collecting body.",
        }
    ),
    between="Between {low} and {high}.",
    result="Result",
    outcome=MappingProxyType(
        {
            "charged": "Amount due",
            "free": "Free: the tariff charges nothing in this case.",
            "exempt": "Fully exempt.",
            "not_applicable": "No item of the tariff applies.",
        }
    ),
    before="Before relief",
    amount="Due",
    total="Total",
    beneficiaries="Who receives it",
    to=MappingProxyType({"treasury": "State budget", "retained": "Retained by the collecting body"}),
    why="How it was calculated",
    not_binding="For orientation. What is due officially is told by the collecting body for your dossier.",
    back="List of procedures",
    not_found="There is no procedure with this code.",
)
WORDS: Final[Mapping[Language, FeeWords]] = MappingProxyType({"vi": _VI, "en": _EN})
