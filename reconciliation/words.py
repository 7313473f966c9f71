"""Each kind of break in plain words, Vietnamese first: its name, what it means, why it happens, the safe next step."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from reconciliation.model import BreakKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What a person reads of a kind; the next step never moves money by itself."""

    name_vi: str
    name_en: str
    means_vi: str
    means_en: str
    cause_vi: str
    cause_en: str
    next_vi: str
    next_en: str


FILES_VI: Final[Mapping[str, str]] = {"book": "Sổ", "statement": "Sao kê", "third": "Tệp thứ ba"}


def _words(*texts: str) -> Words:
    names = ("name_vi", "name_en", "means_vi", "means_en", "cause_vi", "cause_en", "next_vi", "next_en")
    return Words(**dict(zip(names, texts, strict=True)))


WORDS: Final[Mapping[BreakKind, Words]] = {
    BreakKind.MISSING_IN_BOOK: _words(
        "Thiếu trong sổ",
        "Missing in the book",
        "Ngân hàng đã thu thành công, sổ của hệ thống chưa có.",
        "The bank took the payment; the book has no row.",
        "Thông báo của ngân hàng bị mất hoặc đến sau khi phiên thanh toán đóng.",
        "The bank's notice was lost, or came after the session had closed.",
        "Truy vấn ngân hàng; nếu số tiền và mã khớp thì ghi nhận qua luồng ghi có chung.",
        "Ask the bank; if amount and reference agree, book it through the one credit function.",
    ),
    BreakKind.MISSING_AT_BANK: _words(
        "Thiếu ở ngân hàng",
        "Missing at the bank",
        "Sổ đã ghi thành công, sao kê quá hạn vẫn không có.",
        "Booked as succeeded; the statement has no line although its time is over.",
        "Dòng sang kỳ sau, tệp thiếu, hoặc giao dịch chưa từng có.",
        "The line falls into a later file, the file is incomplete, or there was no payment.",
        "Không tự hủy hồ sơ. Truy vấn ngân hàng; nếu bị phủ nhận, hai người duyệt điều chỉnh.",
        "Never reverse the dossier by itself. Ask the bank; if denied, two persons decide.",
    ),
    BreakKind.AMOUNT_DIFFERS: _words(
        "Lệch số tiền",
        "Amount differs",
        "Cùng mã và loại, hai bên thành công nhưng khác số tiền.",
        "Same reference and kind, succeeded on both sides, another amount.",
        "Người nộp sửa số tiền, hoặc ngân hàng trừ phí vào tiền nộp.",
        "The payer changed the amount, or the bank took its fee from it.",
        "Giữ tiền ở trạng thái chờ, xin chứng từ ngân hàng, hai người duyệt.",
        "Keep the money unapplied, ask for the bank's document, two persons decide.",
    ),
    BreakKind.STATUS_DIFFERS: _words(
        "Lệch trạng thái",
        "Status differs",
        "Một bên thành công, bên kia thất bại, đang xử lý hoặc đã đảo.",
        "Succeeded on one side, failed, pending or reversed on the other.",
        "Kết quả đến muộn sau khi hệ thống đóng phiên.",
        "The result came after the session had closed.",
        "Truy vấn lại ngân hàng; tiền đã chuyển thì thắng điều ta tin.",
        "Ask the bank again; money that moved wins over what was believed.",
    ),
    BreakKind.DUPLICATE_AT_BANK: _words(
        "Trùng ở ngân hàng",
        "Duplicate at the bank",
        "Một giao dịch nằm trên nhiều dòng sao kê.",
        "One bank transaction stands on two or more lines.",
        "Ngân hàng gửi lại dòng hoặc ghép hai tệp.",
        "The bank sent a line again, or two files were joined.",
        "Bỏ qua dòng thừa theo khóa; báo ngân hàng nếu tổng kiểm soát lệch.",
        "Ignore the surplus line by its key; tell the bank if totals differ.",
    ),
    BreakKind.DUPLICATE_IN_BOOK: _words(
        "Trùng trong sổ",
        "Duplicate in the book",
        "Một giao dịch ngân hàng được ghi sổ hai lần.",
        "One bank transaction was booked twice.",
        "Hai nguồn báo cùng một khoản dưới hai mã.",
        "Two observers told one credit under two ids.",
        "Ngừng chi trả khoản này; hai người duyệt bút toán điều chỉnh.",
        "Stop paying this money out; two persons approve the correction.",
    ),
    BreakKind.PAID_TWICE: _words(
        "Nộp hai lần",
        "Paid twice",
        "Một mã thanh toán có hai giao dịch thành công khác nhau.",
        "One reference has two different succeeded transactions.",
        "Người nộp thử lại khi lần đầu chưa báo kết quả.",
        "The payer tried again while the first result was still out.",
        "Giao dịch đến trước được tính; đề nghị hoàn khoản sau, hai người duyệt.",
        "The first counts; propose a refund of the second, two persons decide.",
    ),
    BreakKind.REFERENCE_DIFFERS: _words(
        "Lệch mã tham chiếu",
        "Reference differs",
        "Cùng giao dịch ngân hàng nhưng hai bên mang mã khác nhau.",
        "The same bank transaction under another reference.",
        "Mã bị gõ sai hoặc bị ngân hàng cắt bớt.",
        "The reference was mistyped, or cut by the bank.",
        "Đối chiếu nội dung chuyển tiền, sửa liên kết với hai người duyệt.",
        "Compare the transfer's text; two persons correct the link.",
    ),
    BreakKind.REFUND_MISSING_AT_BANK: _words(
        "Hoàn trả thiếu ở ngân hàng",
        "Refund missing at the bank",
        "Sổ ghi đã hoàn, ngân hàng chưa có.",
        "Refunded in the book; the bank has no line.",
        "Lệnh hoàn chưa tới hoặc chưa được xử lý.",
        "The refund order did not arrive or is not processed.",
        "Truy vấn lệnh hoàn; không gửi lại dưới mã khác.",
        "Query the refund; never send it again under another id.",
    ),
    BreakKind.REFUND_MISSING_IN_BOOK: _words(
        "Hoàn trả thiếu trong sổ",
        "Refund missing in the book",
        "Ngân hàng đã hoàn, sổ chưa có.",
        "The bank refunded; the book has no row.",
        "Ngân hàng tự hoàn hoặc kết quả hoàn bị mất.",
        "The bank refunded by itself, or the result was lost.",
        "Ghi nhận khoản hoàn và báo người phụ trách; hỏi ngân hàng căn cứ hoàn.",
        "Book it and tell the person in charge; ask the bank why.",
    ),
    BreakKind.REFUND_AMOUNT_DIFFERS: _words(
        "Lệch số tiền hoàn",
        "Refund amount differs",
        "Khoản hoàn hai bên khác số tiền.",
        "The refund has another amount on the other side.",
        "Ngân hàng hoàn một phần hoặc trừ phí.",
        "The bank refunded a part, or less a fee.",
        "Giữ khoản hoàn mở, xin chứng từ, hai người duyệt.",
        "Keep the refund open, ask for the document, two persons decide.",
    ),
    BreakKind.REFUND_WITHOUT_ORIGINAL: _words(
        "Hoàn trả không có giao dịch gốc",
        "Refund without its payment",
        "Khoản hoàn mà khoản nộp không có ở cả hai bên.",
        "A refund whose payment neither side knows.",
        "Khoản nộp thuộc kỳ trước, hoặc hoàn nhầm.",
        "The payment is of an earlier period, or the refund is wrong.",
        "Tìm khoản nộp ở kỳ trước; chưa tìm thấy thì chưa ghi sổ.",
        "Look for the payment in earlier periods; book nothing until found.",
    ),
    BreakKind.REVERSAL_UNKNOWN: _words(
        "Đảo giao dịch chưa biết",
        "Reversal unknown here",
        "Ngân hàng đã đảo, sổ chưa biết.",
        "Reversed at the bank, unknown in the book.",
        "Ngân hàng thu hồi khoản đã báo thành công.",
        "The bank took back what it had reported as paid.",
        "Ghi nhận việc đảo, giữ khoản chưa chi trả và báo ngay người phụ trách.",
        "Book the reversal, hold what is not paid out, tell the person in charge.",
    ),
    BreakKind.FEE_DIFFERS: _words(
        "Lệch phí dịch vụ",
        "Fee differs",
        "Phí ngân hàng thu khác biểu phí.",
        "The provider's fee is not its tariff's.",
        "Biểu phí đổi hoặc ngân hàng tính sai.",
        "The tariff changed, or the provider erred.",
        "Ghi phí thực thu vào sổ riêng, mở yêu cầu bồi hoàn.",
        "Book the fee taken in the own books and open a claim.",
    ),
    BreakKind.NET_TOTAL_DIFFERS: _words(
        "Lệch tổng ghi có thuần",
        "Net total differs",
        "Một khoản ghi có không bằng tổng các dòng trừ phí.",
        "One net credit is not the sum of its lines less fees.",
        "Thiếu hoặc thừa dòng, hoặc bù trừ khoản không có trong tệp.",
        "Lines are missing or too many, or something else was netted.",
        "Chưa chi trả từ lô này cho đến khi rõ chênh lệch.",
        "Pay nothing out of this batch until the gap is known.",
    ),
    BreakKind.OUT_OF_PERIOD: _words(
        "Ngoài kỳ",
        "Out of period",
        "Ngày quyết toán của dòng không thuộc tệp.",
        "Settled in a day that does not belong to the file.",
        "Ngân hàng đặt dòng vào nhầm tệp.",
        "The bank put the line into the wrong file.",
        "Chuyển dòng về kỳ của nó; kiểm tra nó không bị tính hai lần.",
        "Move the line to its period; see that it is not counted twice.",
    ),
    BreakKind.UNKNOWN_ACCOUNT: _words(
        "Tài khoản lạ",
        "Unknown account",
        "Dòng sao kê thuộc tài khoản hệ thống không quản lý.",
        "The line belongs to an account that is not ours.",
        "Cấu hình thiếu tài khoản hoặc nhầm tệp.",
        "An account is not configured, or the file is another's.",
        "Kiểm tra danh mục tài khoản trước khi ghi nhận.",
        "Check the list of accounts before booking anything.",
    ),
    BreakKind.UNIDENTIFIED_CREDIT: _words(
        "Ghi có chưa xác định",
        "Unidentified credit",
        "Tiền vào không nêu mã nào của hệ thống.",
        "Money came in and names no reference of ours.",
        "Người nộp ghi sai hoặc bỏ trống nội dung.",
        "The payer left the text out or wrote it wrong.",
        "Giữ ở tiền chờ xử lý, tra soát người chuyển.",
        "Keep it as unapplied money and trace the payer.",
    ),
    BreakKind.UNIDENTIFIED_DEBIT: _words(
        "Ghi nợ chưa xác định",
        "Unidentified debit",
        "Tiền ra không có lệnh nào của hệ thống.",
        "Money went out and no order of ours explains it.",
        "Phí, thu hồi, hoặc chi sai.",
        "A charge, a recall, or a wrong payment.",
        "Báo ngay, ngừng chi từ tài khoản này cho đến khi rõ.",
        "Page at once; stop payouts from this account until it is known.",
    ),
    BreakKind.NOT_APPLIED_AT_PORTAL: _words(
        "Cổng chưa ghi nhận",
        "Not applied at the portal",
        "Đã nộp nhưng cổng chưa ghi nhận trong thời hạn.",
        "Paid here; the portal has not applied it within its time.",
        "Thông báo tới cổng bị lỗi hoặc cổng chưa xử lý.",
        "The callback failed, or the portal has not processed it.",
        "Gửi lại thông báo cho cổng; sau ba ngày hai người xử lý.",
        "Send the callback again; after three days two persons act.",
    ),
    BreakKind.CONTROL_TOTAL_DIFFERS: _words(
        "Lệch tổng kiểm soát",
        "Control total differs",
        "Số dòng hoặc tổng ghi trong tệp không bằng các dòng.",
        "The file's own count or sum is not its lines'.",
        "Tệp bị cắt, bị sửa hoặc gửi dở.",
        "The file was cut, changed or sent in part.",
        "Xin ngân hàng gửi lại tệp; chưa dùng tệp này để ghi sổ.",
        "Ask the bank to send it again; book nothing from it.",
    ),
}
