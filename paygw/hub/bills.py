"""Bill collection: a bank asks about a payment code, tells it was paid, takes it back, asks what became of it.

The first answer to a bank transaction is kept in the transaction that makes it true, and given again to the same call.
Cash that a bank reports is always kept: what pays no order stays unapplied until the bank reverses it or somebody
refunds it. A reversal counts within the window agreed with the bank; one that comes before its payment is remembered,
and the payment, when it comes, moves nothing.
"""

from dataclasses import replace
from functools import partial
from hashlib import sha256
from typing import Final, Literal

import asyncpg
from asyncpg import Connection

from paygw.hub.checkout import masked
from paygw.hub.credit import Message, credit_item
from paygw.hub.frozen import open_private
from paygw.hub.hub import Hub
from paygw.hub.moving import bank_scene
from paygw.hub.registry import Bank
from paygw.hub.webhooks import refuse
from paygw.hub.writing import new_id
from paygw.kernel.connector import (
    BadSignature,
    Bill,
    BillAnswer,
    BillCall,
    BillDesk,
    BillResult,
    HttpReply,
    HttpRequest,
    Malformed,
    Verdict,
)
from paygw.kernel.errors import Alarm, Unavailable
from paygw.kernel.evidence import Authority
from paygw.kernel.orders import CLOSED_ATTEMPT, LIVE_ORDER, Order, OrderStatus, Situation, rest_to_pay_vnd
from paygw.kernel.refs import public_id
from paygw.kernel.scene import Scene, receipt_key
from paygw.store.bills import (
    BillCash,
    FirstAnswer,
    attempt_of_code,
    cash_of_key,
    first_answer,
    keep_answer,
    lock_transaction,
)
from paygw.store.cases import open_case
from paygw.store.checkout import CheckoutRead, read_checkout

_RACES_MAX: Final = 3
_DESCRIPTION_CHARS_MAX: Final = 140
_OUTCOMES: Final = {
    BillResult.BAD_SIGNATURE: "rejected_signature",
    BillResult.MALFORMED: "rejected_parse",
    BillResult.UNAVAILABLE: "unavailable",
    BillResult.OK: "credited",
}


async def receive_bill_call(hub: Hub, bank: Bank, request: HttpRequest) -> HttpReply:
    """A collecting bank's call in, our answer in its codes out; "ok" only after the commit that makes it true."""
    desk = bank.connector.inquiry
    if desk is None:
        raise Alarm("this bank collects no bills")
    call, given = await _heard(hub, bank, desk, request)
    hub.observe.count("paygw_webhooks_received_total", bank=bank.id, outcome=_OUTCOMES.get(given.result, "ignored"))
    return desk.answer(call, given, bank.secrets)


async def _heard(hub: Hub, bank: Bank, desk: BillDesk, request: HttpRequest) -> tuple[BillCall | None, BillAnswer]:
    message = Message(digest=sha256(request.url.encode() + b"\0" + request.body).digest(), body=request.body)
    try:
        call = desk.read(request, bank.secrets)
    except BadSignature:
        await refuse(hub, bank, message.digest, "bad_signature")
        return None, BillAnswer(result=BillResult.BAD_SIGNATURE)
    except Malformed:
        await refuse(hub, bank, message.digest, "malformed")
        return None, BillAnswer(result=BillResult.MALFORMED)
    try:
        return call, await _answered(hub, bank, desk, call, message)
    except Unavailable:
        return call, BillAnswer(result=BillResult.UNAVAILABLE)


async def _answered(hub: Hub, bank: Bank, desk: BillDesk, call: BillCall, message: Message) -> BillAnswer:
    if call.operation == "inquiry":
        return await _inquiry(hub, bank, call)
    if call.operation == "status":
        return await _status(hub, bank, call)
    work = _payment if call.operation == "payment" else _reversal
    for _ in range(_RACES_MAX):
        try:
            return await hub.transact(partial(work, hub, bank, desk, call, message))
        except asyncpg.UniqueViolationError:  # a file or an enquiry books the same money at this moment
            continue
    raise Unavailable("the same money is being booked by others")


async def _inquiry(hub: Hub, bank: Bank, call: BillCall) -> BillAnswer:
    async with hub.pool.acquire() as connection:
        merchant = bank.secrets.merchant
        found = await attempt_of_code(connection, bank=bank.id, merchant=merchant, code=call.bill_code)
        read = await read_checkout(connection, found[1]) if found else None
    if found is None or read is None:
        return BillAnswer(result=BillResult.NOT_FOUND)
    result = _payable(hub, read, found[0])
    if result is not BillResult.OK:
        return BillAnswer(result=result)
    private = open_private(hub, read.order.id, read.private)
    bill = Bill(
        code=call.bill_code,
        amount_vnd=rest_to_pay_vnd(read.situation),
        payer_name=masked((private.payer or {}).get("name", "")),
        description="; ".join(f"{line['name']} - {line['dossier_code']}" for line in read.face["lines"])[
            :_DESCRIPTION_CHARS_MAX
        ],
        due_at=read.order.expires_at,
    )
    return BillAnswer(result=BillResult.OK, bill=bill)


def _payable(hub: Hub, read: CheckoutRead, attempt_id: str) -> BillResult:
    """Whether a code may be paid now; one given up for another way of paying counts as ended."""
    order: Order = read.order
    situation: Situation = read.situation
    if order.status is OrderStatus.PAID or not situation.unpaid:
        return BillResult.ALREADY_PAID
    attempt = next(item for item in situation.attempts if item.id == attempt_id)
    ended = order.status not in LIVE_ORDER or order.expires_at <= hub.clock() or attempt.status in CLOSED_ATTEMPT
    elsewhere = any(item.attempt_id not in {None, attempt_id} for item in situation.unpaid)
    return BillResult.EXPIRED if ended or elsewhere else BillResult.OK


async def _payment(
    hub: Hub, bank: Bank, desk: BillDesk, call: BillCall, message: Message, connection: Connection
) -> BillAnswer:
    del desk
    payment = call.payment
    if payment is None:
        raise Alarm("a payment call without a payment")
    await lock_transaction(connection, bank.id, call.bank_txn_id)
    known = await _known(connection, bank, call)
    if known is not None:
        return known
    scene = _scene(hub, bank)
    reversed_before = await first_answer(connection, bank=bank.id, operation="reversal", bank_txn_id=call.bank_txn_id)
    if reversed_before is not None:
        return await _kept(hub, connection, bank, call, BillAnswer(result=BillResult.DIFFERS))
    verdict = await credit_item(hub, connection, payment, scene, message=message)
    cash = await cash_of_key(connection, receipt_key(payment, scene) or "")
    number = public_id("rcp", cash.receipt_id) if cash is not None else ""
    answer = BillAnswer(result=_result(verdict, cash), receipt_no=number, state="paid" if number else "")
    return await _kept(hub, connection, bank, call, answer)


def _result(verdict: Verdict, cash: BillCash | None) -> BillResult:
    """Money that pays an order in full is right whatever the slip said; other money is named and kept."""
    if verdict is Verdict.UNKNOWN_ORDER or cash is None:
        return BillResult.NOT_FOUND
    if cash.order_status == OrderStatus.PAID and not cash.unapplied_vnd:
        return BillResult.OK
    if verdict is Verdict.ALREADY_FINAL:
        return BillResult.ALREADY_PAID if cash.order_status == OrderStatus.PAID else BillResult.EXPIRED
    if verdict in {Verdict.ACCEPTED, Verdict.DUPLICATE}:
        return BillResult.OK if cash.order_status != OrderStatus.PAID else BillResult.ALREADY_PAID
    return BillResult.WRONG_AMOUNT


async def _reversal(
    hub: Hub, bank: Bank, desk: BillDesk, call: BillCall, message: Message, connection: Connection
) -> BillAnswer:
    await lock_transaction(connection, bank.id, call.bank_txn_id)
    known = await _known(connection, bank, call)
    if known is not None:
        return known
    scene, now = _scene(hub, bank), hub.clock()
    seen = call.as_reversal(1, now)
    cash = await cash_of_key(connection, receipt_key(seen, scene) or "")
    if cash is None:
        return await _kept(hub, connection, bank, call, BillAnswer(result=BillResult.OK, state="reversed"))
    if now - cash.booked_at > desk.reversal_window(bank.secrets):
        detail = "a bank wants to take a bill payment back after the window agreed with it"
        key = f"bill:{bank.id}:{call.bank_txn_id}"
        await open_case(connection, key=key, kind="bill", detail=detail, receipt_id=cash.receipt_id)
        return await _kept(hub, connection, bank, call, BillAnswer(result=BillResult.TOO_LATE))
    taken = call.as_reversal(cash.amount_vnd, now)
    await credit_item(hub, connection, taken, scene, message=message)
    after = await cash_of_key(connection, receipt_key(taken, scene) or "")
    done = after is not None and after.taken_back
    answer = BillAnswer(
        result=BillResult.OK if done else BillResult.DIFFERS,
        receipt_no=public_id("rcp", cash.receipt_id),
        state="reversed" if done else "",
    )
    return await _kept(hub, connection, bank, call, answer)


async def _status(hub: Hub, bank: Bank, call: BillCall) -> BillAnswer:
    txn = call.bank_txn_id
    async with hub.pool.acquire() as connection:
        paid = await first_answer(connection, bank=bank.id, operation="payment", bank_txn_id=txn)
        taken = await first_answer(connection, bank=bank.id, operation="reversal", bank_txn_id=txn)
    if paid is None and taken is None:
        return BillAnswer(result=BillResult.NOT_FOUND)
    if taken is not None and taken.result == BillResult.OK:
        return BillAnswer(result=BillResult.OK, receipt_no=taken.receipt_no, state="reversed")
    if paid is None:
        return BillAnswer(result=BillResult.NOT_FOUND)
    return BillAnswer(
        result=BillResult(paid.result), receipt_no=paid.receipt_no, state="paid" if paid.receipt_no else ""
    )


async def _known(connection: Connection, bank: Bank, call: BillCall) -> BillAnswer | None:
    """The first answer to the same call; an error to a call that says something else under the same id."""
    known = await first_answer(connection, bank=bank.id, operation=call.operation, bank_txn_id=call.bank_txn_id)
    if known is None:
        return None
    if known.content != call.content:
        return BillAnswer(result=BillResult.DIFFERS)
    return BillAnswer(result=BillResult(known.result), receipt_no=known.receipt_no, state=_state(call, known))


def _state(call: BillCall, known: FirstAnswer) -> Literal["", "paid", "reversed"]:
    if call.operation == "reversal":
        return "reversed" if known.result == BillResult.OK else ""
    return "paid" if known.receipt_no else ""


async def _kept(hub: Hub, connection: Connection, bank: Bank, call: BillCall, answer: BillAnswer) -> BillAnswer:
    first = FirstAnswer(call.content, answer.result.value, answer.receipt_no)
    await keep_answer(
        connection,
        first,
        bank=bank.id,
        operation=call.operation,
        bank_txn_id=call.bank_txn_id,
        now=hub.clock(),
    )
    return answer


def _scene(hub: Hub, bank: Bank) -> Scene:
    return replace(bank_scene(hub, bank, Authority.NOTICE), new_id=new_id())
