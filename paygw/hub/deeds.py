"""What each action of two persons does: the use case it calls, inside the transaction of its approval.

What an action finds when it is proposed (the slices a holder passed on) is content that the second person approves.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from asyncpg import Connection

from paygw.hub import cases
from paygw.hub.accounts import MovementAsk, declare_unclaimed, record_movement
from paygw.hub.actions import (
    CloseCase,
    ConsentRefund,
    Disprove,
    Fund,
    Identify,
    MoneyAction,
    Movement,
    PayByHolder,
    RefundByChannel,
    Release,
    Remit,
    ReportDispute,
    ReportRefund,
    SetPayee,
    Thaw,
    Unclaimed,
    WithdrawRefund,
)
from paygw.hub.disputes import report_dispute
from paygw.hub.finance import View
from paygw.hub.funding import FundAsk, consent, fund
from paygw.hub.hub import Hub
from paygw.hub.payees import check_payee, set_payee
from paygw.hub.persons import TwoPersons
from paygw.hub.refund_sending import choose_channel, instruct_refund, report_refund
from paygw.hub.refunds import withdraw_refund
from paygw.hub.settlement import SliceName, remit_slice
from paygw.hub.unidentified import require_no_strange_debit
from paygw.kernel.connector import Verdict
from paygw.kernel.errors import Refused
from paygw.kernel.evidence import DisputeNewsStatus, DisputeSeen, RefundNewsStatus
from paygw.kernel.refs import Kind, private_id
from paygw.store.payouts import Payee, held_slices
from paygw.store.tracing import names_of_payment

SLICES_MAX: Final = 2_000  # of one decision: it is posted in one transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """An approved action inside its transaction: what was asked, what was found when it was proposed, by whom."""

    hub: Hub
    connection: Connection
    found: View
    persons: TwoPersons


async def find(connection: Connection, asked: MoneyAction) -> View:
    """What an action means when it is proposed; most say all there is.

    Raises Refused: `nothing_selected`, `invalid_value` (a payee without what the treasury's slip needs).
    """
    if isinstance(asked, SetPayee):
        check_payee(_payee_of(asked))
    return await _held(connection, asked) if isinstance(asked, Remit) else {}


async def do(deed: Deed, asked: MoneyAction) -> None:
    """Book an approved action, in the transaction of its approval. Raises what its use case raises."""
    await _DEEDS[type(asked)](deed, asked)


async def _held(connection: Connection, asked: Remit) -> View:
    rows = await held_slices(connection, asked.holder, asked.beneficiary, asked.until, limit=SLICES_MAX)
    if not rows:
        raise Refused("nothing_selected", "The holder keeps nothing for this beneficiary: see paygw disburse due.")
    return {"total_vnd": sum(row["amount_vnd"] for row in rows), "slices": rows}


async def _remit(deed: Deed, asked: Remit) -> None:
    del asked
    for one in deed.found["slices"]:
        name = SliceName(**{k: one[k] for k in ("receipt_id", "line_no", "beneficiary", "code")})
        await remit_slice(deed.hub, name, amount_vnd=one["amount_vnd"], persons=deed.persons)


async def _dispute(deed: Deed, asked: ReportDispute) -> None:
    bank = deed.hub.registry.banks.get(asked.bank)
    if bank is None:
        raise Refused("bank_unknown", "There is no such bank: paygw bank list shows them.")
    named = await names_of_payment(deed.connection, bank.id, asked.attempt_ref, asked.bank_txn_id)
    if len(named) != 1:
        which = "Several payments bear" if named else "No payment bears"
        raise Refused("not_found", f"{which} that name at {asked.bank}: give attempt_ref or bank_txn_id of one.")
    seen = DisputeSeen(
        dispute_id=asked.dispute_id,
        attempt_ref=named[0]["attempt_ref"],
        bank_txn_id=named[0]["bank_txn_id"],
        status=DisputeNewsStatus(asked.status),
        amount_vnd=asked.amount_vnd,
        occurred_at=asked.occurred_at,
    )
    verdict = await report_dispute(deed.hub, bank, seen, persons=deed.persons)
    if verdict not in {Verdict.ACCEPTED, Verdict.DUPLICATE}:
        raise Refused("receipt_not_disputable", "It does not fit this payment: its sum, another dispute, a reversal.")


async def _withdraw(deed: Deed, asked: WithdrawRefund) -> None:
    await withdraw_refund(deed.hub, _uid("rfd", asked.refund_id), persons=deed.persons)


async def _consent(deed: Deed, asked: ConsentRefund) -> None:
    await consent(deed.hub, _uid("rfd", asked.refund_id), persons=deed.persons)


async def _fund(deed: Deed, asked: Fund) -> None:
    lender = None
    if asked.from_receipt_id is not None:
        lender = SliceName(
            receipt_id=_uid("rcp", asked.from_receipt_id),
            line_no=asked.from_line_no,
            beneficiary=asked.beneficiary,
            code=asked.code,
        )
    ask = FundAsk(
        id=asked.id,
        kind=asked.kind,
        receipt_id=_uid("rcp", asked.receipt_id),
        refund_id=_uid("rfd", asked.refund_id) if asked.refund_id else None,
        beneficiary=asked.beneficiary,
        code=asked.code,
        amount_vnd=asked.amount_vnd,
        from_slice=lender,
    )
    await fund(deed.hub, ask, persons=deed.persons)


async def _by_holder(deed: Deed, asked: PayByHolder) -> None:
    await instruct_refund(deed.hub, _uid("rfd", asked.refund_id), "holder", persons=deed.persons)


async def _by_channel(deed: Deed, asked: RefundByChannel) -> None:
    await choose_channel(deed.hub, _uid("rfd", asked.refund_id), persons=deed.persons)


async def _report(deed: Deed, asked: ReportRefund) -> None:
    status = RefundNewsStatus(asked.status)
    await report_refund(deed.hub, _uid("rfd", asked.refund_id), status, persons=deed.persons)


async def _movement(deed: Deed, asked: Movement) -> None:
    if asked.event == "bank_charge":
        await require_no_strange_debit(deed.hub, deed.connection, asked.holding, asked.amount_vnd)
    ask = MovementAsk(
        event=asked.event, key=asked.key, holding=asked.holding, amount_vnd=asked.amount_vnd, party=asked.party
    )
    await record_movement(deed.hub, ask, persons=deed.persons)


async def _unclaimed(deed: Deed, asked: Unclaimed) -> None:
    await declare_unclaimed(deed.hub, _uid("rcp", asked.receipt_id), persons=deed.persons)


async def _disprove(deed: Deed, asked: Disprove) -> None:
    await cases.disprove_receipt(deed.hub, _uid("rcp", asked.receipt_id), asked.case, persons=deed.persons)


async def _identify(deed: Deed, asked: Identify) -> None:
    receipt, order = _uid("rcp", asked.receipt_id), _uid("ord", asked.order_id)
    await cases.identify_receipt(deed.hub, receipt, order, persons=deed.persons)


async def _thaw(deed: Deed, asked: Thaw) -> None:
    await cases.thaw_receipt(deed.hub, _uid("rcp", asked.receipt_id), persons=deed.persons)


async def _release(deed: Deed, asked: Release) -> None:
    order, obligation = _uid("ord", asked.order_id), _uid("obl", asked.obligation_id)
    await cases.release(deed.hub, order, obligation, persons=deed.persons)


async def _close_case(deed: Deed, asked: CloseCase) -> None:
    await cases.settle_case(deed.hub, asked.case, persons=deed.persons)


async def _payee(deed: Deed, asked: SetPayee) -> None:
    await set_payee(deed.hub, _payee_of(asked), persons=deed.persons)


def _payee_of(asked: SetPayee) -> Payee:
    return Payee(**{name: getattr(asked, name) for name in Payee.__slots__})


def _uid(kind: Kind, text: str) -> str:
    uid = private_id(kind, text)
    if uid is None:
        raise Refused("not_found", f"An id looks like {kind}_ and 32 digits.")
    return uid


_DEEDS: Final[Mapping[type[MoneyAction], Callable[[Deed, Any], Awaitable[None]]]] = {
    Remit: _remit,
    ReportDispute: _dispute,
    WithdrawRefund: _withdraw,
    ConsentRefund: _consent,
    Fund: _fund,
    PayByHolder: _by_holder,
    RefundByChannel: _by_channel,
    ReportRefund: _report,
    Movement: _movement,
    Unclaimed: _unclaimed,
    Disprove: _disprove,
    Identify: _identify,
    Thaw: _thaw,
    Release: _release,
    CloseCase: _close_case,
    SetPayee: _payee,
}
# What an action is called, in Vietnamese and in English.
TITLES: Final[Mapping[type[MoneyAction], tuple[str, str]]] = {
    Remit: ("Đơn vị giữ tiền đã chuyển tiếp", "A holder passed on what it kept"),
    ReportDispute: ("Tra soát, khiếu nại thẻ theo công văn ngân hàng", "A card dispute by the bank's letter"),
    WithdrawRefund: ("Rút lại lệnh hoàn trả đã duyệt", "Withdraw an approved refund"),
    ConsentRefund: ("Đơn vị giữ tiền đồng ý hoàn trả", "The holder agrees to a refund"),
    Fund: ("Đơn vị thụ hưởng nộp lại tiền để hoàn trả", "A beneficiary gives money back"),
    RefundByChannel: ("Hoàn trả lại qua kênh ban đầu", "The channel tries a refund once more"),
    PayByHolder: ("Đơn vị giữ tiền chi hoàn trả", "A refund is paid by its holder"),
    ReportRefund: ("Kết quả chi hoàn trả", "What became of a refund"),
    Movement: ("Biến động khác trên tài khoản", "Another movement on an account"),
    Unclaimed: ("Tiền không có người nhận, nộp ngân sách", "Unclaimed money to the treasury"),
    Disprove: ("Nhà cung cấp chứng minh không có giao dịch", "The provider proved that nothing was paid"),
    Identify: ("Xác định khoản tiền thuộc yêu cầu nào", "Money gets its order"),
    Thaw: ("Giải tỏa khoản tiền bị phong tỏa", "Frozen money is right as booked"),
    Release: ("Cho nộp lại khoản phải nộp", "An obligation may be paid again"),
    CloseCase: ("Đóng vụ việc", "A case is solved"),
    SetPayee: ("Tài khoản nhận tiền của đơn vị thụ hưởng", "Where a beneficiary's money goes"),
}
