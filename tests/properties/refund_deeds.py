"""What staff and bodies do: refunds from approval to their end, slices on their way, recoveries, unclaimed money."""

from collections.abc import Callable
from dataclasses import replace

from paygw.kernel.decide import see_refund
from paygw.kernel.errors import Refused
from paygw.kernel.evidence import RefundNewsStatus, RefundSeen
from paygw.kernel.news import lines_of
from paygw.kernel.orders import Line
from paygw.kernel.posting import DT, TREASURY, disbursement_returned, h_bank, h_provider, held_by, prefund
from paygw.kernel.receipts import Leg, Receipt, Refund, RefundRoute, RefundStatus, Slice
from paygw.kernel.refunds import (
    Funding,
    approve_refund,
    body_pays_citizen,
    consent_refund,
    fund_refund,
    netted,
    paid_in,
    prefunded,
    refundable_vnd,
    returned_disbursement,
    send_refund,
    withdraw_refund,
)
from paygw.kernel.reversals import recover
from paygw.kernel.settlement import (
    claim_unclaimed,
    confirm_disbursement,
    disburse,
    net_slice,
    reinstruct_disbursement,
    remit,
    require_spendable,
    return_disbursement,
)
from paygw.kernel.takeback import UNCLAIMED_LINE
from tests.properties.town import HOLDERS, Instruction, Town, pick


def approve(town: Town, a: int, b: int, c: int) -> None:
    """Two persons approve a refund from one source of one receipt."""
    sources = _sources(town)
    if not sources:
        return
    receipt, line, room_vnd = pick(sources, a)
    world, order_id = town.home(receipt.id), receipt.order_id or receipt.id
    amounts = (room_vnd, max(room_vnd // 3, 1), max(room_vnd // 2, 1), 1, 1 if b % 5 else room_vnd + 1)
    asked = Refund(
        town.new("f"),
        receipt.id,
        "component" if line else "excess",
        pick(amounts, c // 3),
        RefundStatus.REQUESTED,
    )
    town.move(receipt.id, approve_refund(world.purse, asked, order_id=order_id, line=line))


def _sources(town: Town) -> list[tuple[Receipt, Line | None, int]]:
    """Everything a refund could be taken from."""
    sources: list[tuple[Receipt, Line | None, int]] = []
    for receipt in town.receipts():
        lines = (None, UNCLAIMED_LINE, *lines_of(town.home(receipt.id)).values())
        order_id = receipt.order_id or receipt.id
        rooms = [(line, refundable_vnd(receipt, order_id=order_id, line=line)) for line in lines]
        sources += [(receipt, line, room_vnd) for line, room_vnd in rooms if room_vnd]
    return sources


def withdraw(town: Town, a: int, b: int, c: int) -> None:
    """A refund for which nothing moved yet is withdrawn."""
    del b, c
    waiting = town.refunds(RefundStatus.APPROVED, RefundStatus.FUNDED)
    if waiting:
        receipt, refund = pick(waiting, a)
        order_id = receipt.order_id or receipt.id
        purse = town.home(receipt.id).purse
        town.move(receipt.id, withdraw_refund(purse, receipt.id, refund.id, order_id=order_id, mode=town.mode))


def consent(town: Town, a: int, b: int, c: int) -> None:
    """The holder agrees to a refund."""
    del b, c
    waiting = town.refunds(RefundStatus.APPROVED)
    if waiting:
        receipt, refund = pick(waiting, a)
        town.move(receipt.id, consent_refund(town.home(receipt.id).purse, receipt.id, refund.id))


def fund(town: Town, a: int, b: int, c: int) -> None:
    """A body meets its need for a refund, a void one or a recovery, in one of five ways."""
    owing: list[tuple[Receipt, Refund | None, Leg]] = [
        (receipt, refund, leg)
        for receipt, refund in [*town.refunds(RefundStatus.APPROVED), *town.refunds(RefundStatus.FAILED, void=True)]
        for leg in refund.legs
        if leg.need_vnd
    ]
    owing += [(r, None, leg) for r in town.receipts() for leg in r.recoveries if leg.need_vnd]
    if not owing:
        return
    receipt, refund, leg = pick(owing, a)
    amount_vnd = leg.need_vnd if c % 3 else max(leg.need_vnd // 2, 1)
    if b % 5 == 4:
        _fund_by_netting(town, receipt, refund, leg)
    else:
        funding = _FUNDINGS[b % 5](town, leg, amount_vnd, refund)
        if funding is not None:
            _fund(town, receipt, refund, funding)


def _fund(town: Town, receipt: Receipt, refund: Refund | None, funding: Funding) -> None:
    purse = town.home(receipt.id).purse
    if refund is None or refund.void:
        moved = recover(purse, receipt.id, funding, refund_id=refund.id if refund else None)
    else:
        moved = fund_refund(purse, receipt.id, refund.id, funding)
    town.move(receipt.id, moved)
    if not funding.to_citizen and not funding.debit.account.startswith("P:"):
        town.memo[funding.debit.account] += funding.amount_vnd


def _by_payment(town: Town, leg: Leg, amount_vnd: int, refund: Refund | None) -> Funding:
    del refund
    account = h_bank("acc1") if town.mode == "custody" else held_by(HOLDERS[0])
    return paid_in(town.new("u"), beneficiary=leg.beneficiary, code=leg.code, amount_vnd=amount_vnd, account=account)


def _by_prefunding(town: Town, leg: Leg, amount_vnd: int, refund: Refund | None) -> Funding | None:
    del refund
    stock_vnd = -town.stands[prefund(leg.beneficiary)]
    if stock_vnd <= 0:
        return None
    amount_vnd = min(amount_vnd, stock_vnd)
    return prefunded(town.new("u"), beneficiary=leg.beneficiary, code=leg.code, amount_vnd=amount_vnd)


def _by_returned(town: Town, leg: Leg, amount_vnd: int, refund: Refund | None) -> Funding | None:
    del refund
    stock_vnd = -town.stands[disbursement_returned(leg.beneficiary, leg.code)]
    back = [
        item
        for item in town.instructions
        if item.status == "returned" and (item.beneficiary, item.code) == (leg.beneficiary, leg.code)
    ]
    if not back or stock_vnd < amount_vnd or amount_vnd != back[0].amount_vnd:
        return None
    back[0].status = "used"
    return returned_disbursement(town.new("u"), beneficiary=leg.beneficiary, code=leg.code, amount_vnd=amount_vnd)


def _by_citizen(town: Town, leg: Leg, amount_vnd: int, refund: Refund | None) -> Funding:
    refund_id = refund.id if refund else ""
    return body_pays_citizen(
        town.new("u"), beneficiary=leg.beneficiary, code=leg.code, amount_vnd=amount_vnd, refund_id=refund_id
    )


_FUNDINGS: tuple[Callable[[Town, Leg, int, Refund | None], Funding | None], ...] = (
    _by_payment,
    _by_prefunding,
    _by_returned,
    _by_citizen,
)


def _fund_by_netting(town: Town, receipt: Receipt, refund: Refund | None, leg: Leg) -> None:
    for source in town.receipts():
        for piece in source.slices:
            mine = (piece.beneficiary, piece.code) == (leg.beneficiary, leg.code)
            if mine and 0 < piece.undisbursed_vnd <= leg.need_vnd and source.settled and not source.frozen:
                marked = net_slice(town.home(source.id).purse, source.id, piece)
                _require_unfrozen(receipt)
                town.save(replace(town.home(source.id), purse=marked))
                _fund(town, receipt, refund, netted(town.new("u"), source, piece))
                if source.holder is not None:
                    town.memo[held_by(source.holder)] += piece.undisbursed_vnd
                return


def _require_unfrozen(receipt: Receipt) -> None:
    if receipt.frozen:
        raise Refused("receipt_frozen", "Staff nets nothing for money in dispute.")


def send(town: Town, a: int, b: int, c: int) -> None:
    """A funded refund is sent by one of three routes; from our account only what it holds."""
    del c
    ready = town.refunds(RefundStatus.FUNDED)
    if not ready:
        return
    receipt, refund = pick(ready, a)
    routes: tuple[RefundRoute, ...] = ("provider", "transfer", "holder")
    route = pick(routes, b)
    if town.mode == "custody" and (receipt.home == "account" or route != "provider"):
        balance_vnd, sent_vnd = town.spendable_vnd(receipt.account)
        require_spendable(balance_vnd=balance_vnd, in_flight_vnd=sent_vnd, amount_vnd=refund.sendable_vnd, due_vnd=0)
    town.move(receipt.id, send_refund(town.home(receipt.id).purse, receipt.id, refund.id, route))


def refund_news(town: Town, a: int, b: int, c: int) -> None:
    """The bank speaks of a refund: pending, succeeded, failed, returned; again and in any order."""
    told = town.refunds(RefundStatus.SENDING, RefundStatus.SENDING, RefundStatus.SUCCEEDED)
    if c % 10 == 0:
        told = town.refunds(*RefundStatus)
    if not told:
        return
    receipt, refund = pick(told, a)
    statuses = (
        RefundNewsStatus.SUCCEEDED,
        RefundNewsStatus.FAILED,
        RefundNewsStatus.RETURNED,
        RefundNewsStatus.PENDING,
    )
    status = pick(statuses, b)
    if refund.status is RefundStatus.SUCCEEDED and c % 10:
        status = RefundNewsStatus.RETURNED
    amount_vnd = refund.sendable_vnd
    was = dict.fromkeys(town.facts)
    news = RefundSeen(refund_ref=refund.id, status=status, amount_vnd=amount_vnd, occurred_at=town.now())
    town.decide(see_refund(town.home(receipt.id), refund, news, town.scene(receipt.bank)))
    in_pot = refund.route == "provider" and receipt.home == "provider"
    for kind, sign in (("refund.succeeded", -1), ("refund.returned", 1)):
        key = f"{kind}:{refund.id}"
        if in_pot and key in town.facts and key not in was:
            town.outgoing.append((receipt.id, sign * amount_vnd))
    assert h_provider(receipt.bank, receipt.merchant) != DT


def pass_on(town: Town, a: int, b: int, c: int) -> None:
    """A slice leaves for its owner: remitted by its holder, or disbursed from our account."""
    del c
    ready = [(r, piece) for r in town.receipts() if r.settled for piece in r.slices if piece.undisbursed_vnd]
    if not ready:
        return
    receipt, piece = pick(ready, a)
    purse = town.home(receipt.id).purse
    if town.mode == "routing":
        town.move(receipt.id, remit(purse, receipt.id, piece))
        return
    balance_vnd, sent_vnd = town.spendable_vnd(receipt.account)
    due_vnd = town.due[receipt.account]
    amount_vnd = piece.undisbursed_vnd
    require_spendable(balance_vnd=balance_vnd, in_flight_vnd=sent_vnd, amount_vnd=amount_vnd, due_vnd=due_vnd)
    batch_id = f"batch{b % 3}"
    town.move(receipt.id, disburse(purse, receipt.id, piece, batch_id))
    town.memo[DT] -= amount_vnd
    town.instructions.append(
        Instruction(batch_id, town.serial, receipt.id, piece.beneficiary, piece.code, amount_vnd, receipt.account)
    )
    town.serial += 1


def disbursement_news(town: Town, a: int, b: int, c: int) -> None:
    """A disbursement arrives, comes back, or is sent again."""
    del c
    live = [item for item in town.instructions if item.status in {"sent", "returned"}]
    if not live:
        return
    item = pick(live, a)
    piece = Slice("", 0, item.beneficiary, item.code, item.amount_vnd)
    instruction = str(town.new("i"))
    back = disbursement_returned(item.beneficiary, item.code)
    if item.status == "returned":
        if town.can_pay(item.account, item.amount_vnd):
            town.book([reinstruct_disbursement(item.batch_id, item.amount_vnd, piece, instruction=instruction)])
            town.memo[back] += item.amount_vnd
            town.memo[DT] -= item.amount_vnd
            item.status = "sent"
        return
    if b % 2:
        town.book([confirm_disbursement(item.batch_id, item.amount_vnd, item.account, instruction=instruction)])
        town.memo[h_bank(item.account)] -= item.amount_vnd
        item.status = "confirmed"
    else:
        town.book([return_disbursement(item.batch_id, item.amount_vnd, piece, instruction=instruction)])
        town.memo[back] -= item.amount_vnd
        item.status = "returned"
    town.memo[DT] += item.amount_vnd


def unclaimed(town: Town, a: int, b: int, c: int) -> None:
    """After the statutory notice unapplied money goes to the treasury."""
    del b, c
    idle = [receipt for receipt in town.receipts() if receipt.unapplied_vnd]
    if idle:
        receipt = pick(idle, a)
        town.move(receipt.id, claim_unclaimed(town.home(receipt.id).purse, receipt.id))
        assert any(piece.beneficiary == TREASURY for r in town.receipts() for piece in r.slices)


REFUND_DEEDS: tuple[Callable[[Town, int, int, int], None], ...] = (
    approve, approve, approve, withdraw, consent, fund, fund, send, send, refund_news, refund_news, pass_on, pass_on,
    disbursement_news, unclaimed,
)  # fmt: skip
