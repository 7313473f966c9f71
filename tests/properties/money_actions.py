"""What can happen to money, as small actions over a hub and its database; `luck` chooses among what there is.

A refused action is part of the game (it must change nothing); any other error, and any violated invariant, is a defect.
"""

import asyncio
from dataclasses import replace
from typing import Any, Literal
from uuid import UUID

import msgspec
from asyncpg import Record

from paygw.hub.accounts import MovementAsk, declare_unclaimed, record_movement
from paygw.hub.cases import identify_receipt, release, thaw_receipt
from paygw.hub.disbursement import Place, confirm_instruction, disburse_slice, reinstruct, return_instruction
from paygw.hub.funding import FundAsk, FundingKind, consent, fund
from paygw.hub.orders import cancel_order
from paygw.hub.refund_sending import instruct_refund, report_refund, work_refunds
from paygw.hub.refunds import RefundAsk, approve_refund, reject_refund, request_refund, withdraw_refund
from paygw.hub.settlement import LineAsk, SliceName, close_batch, remit_slice, settle_line
from paygw.kernel.connector import Answer, Contact
from paygw.kernel.errors import Refused
from paygw.kernel.evidence import (
    AttemptSeen,
    AttemptStatus,
    DisputeNewsStatus,
    DisputeSeen,
    Evidence,
    PaymentSeen,
    RefundNewsStatus,
    RefundSeen,
    ReversalSeen,
)
from paygw.kernel.orders import Attempt
from paygw.store.settlement import read_spendable
from tests.hub.world import BOTH, later, ordered, redirected, told
from tests.hub_fixtures import PORTAL, ScriptedBank
from tests.properties import batch_actions
from tests.properties.money_world import ACCOUNT, Action, World, pick


async def order(world: World, luck: int) -> None:
    """A new order, sometimes a cart, sometimes over an obligation that another order has."""
    own, shared = world.name("d"), f"shared-{luck % 3}"
    dossiers = ((own,), (own, f"{own}-b"), (shared, own), (shared,))[luck % 4]
    world.orders.append(await ordered(world.hub, world.name("HS"), dossiers=dossiers))


async def attempt(world: World, luck: int) -> None:
    bank = ("sandbox-a", "sandbox-b", "sandbox-t")[luck % 3]
    world.attempts.append(await redirected(world.hub, pick(world.orders, luck // 3), bank))


async def tell(world: World, bank: str, *evidence: Evidence) -> None:
    """Deliver, each piece as a message of its own, and remember it for repetition."""
    for item in evidence:
        world.told.append((bank, item))
        await told(world.hub, item, event=world.name("e"), bank=bank)


def cash(world: World, paid: Attempt, amount_vnd: int) -> PaymentSeen:
    return PaymentSeen(
        attempt_ref=paid.ref,
        bank_txn_id=world.name("T"),
        amount_vnd=amount_vnd,
        occurred_at=world.hub.clock(),
        merchant="PAYGW",
    )


async def pay(world: World, luck: int) -> None:
    paid = pick(world.attempts, luck // 5)
    amount_vnd = (paid.amount_vnd, paid.amount_vnd, paid.amount_vnd // 3, paid.amount_vnd + 7, 1)[luck % 5]
    await tell(world, paid.bank, cash(world, paid, amount_vnd))


async def pay_in_a_crowd(world: World, luck: int) -> None:
    """Copies of two payments and other news of the attempt, all at once."""
    paid = pick(world.attempts, luck // 2)
    first = cash(world, paid, paid.amount_vnd)
    second = cash(world, paid, paid.amount_vnd if luck % 2 else 3)
    pending = AttemptSeen(attempt_ref=paid.ref, status=AttemptStatus.PENDING, occurred_at=world.hub.clock())
    await asyncio.gather(*(tell(world, paid.bank, item) for item in (first, second, pending, first, second)))


async def close_attempt(world: World, luck: int) -> None:
    gone = pick(world.attempts, luck)
    status = (AttemptStatus.FAILED, AttemptStatus.EXPIRED)[luck % 2]
    await tell(world, gone.bank, AttemptSeen(attempt_ref=gone.ref, status=status, occurred_at=world.hub.clock()))


async def repeat(world: World, luck: int) -> None:
    """Something told before is told again, three times at once."""
    bank, item = pick(world.told, luck)
    await asyncio.gather(*(told(world.hub, item, event=world.name("e"), bank=bank) for _ in range(3)))


async def loose(world: World, luck: int) -> None:
    seen = PaymentSeen(
        attempt_ref="NOBODY",
        bank_txn_id=world.name("L"),
        amount_vnd=luck % 9_000 + 1,
        occurred_at=world.hub.clock(),
        merchant="PAYGW",
    )
    await tell(world, ("sandbox-a", "sandbox-t")[luck % 2], seen)


async def cancel(world: World, luck: int) -> None:
    await cancel_order(world.hub, pick(world.orders, luck), portal_id=PORTAL.id)


async def receipt(world: World, luck: int, where: str = "true") -> Record:
    """One receipt with the reference of its attempt."""
    sql = "SELECT r.*, a.ref AS attempt_ref FROM receipts r LEFT JOIN attempts a ON a.id = r.attempt_id WHERE "
    return pick(await world.rows(f"{sql}{where} ORDER BY r.id"), luck)


async def reverse(world: World, luck: int) -> None:
    gone = await receipt(world, luck)
    if gone["home"] == "account" and not await world.can_lose(gone["amount_vnd"]):
        return
    await tell(
        world,
        gone["bank"],
        ReversalSeen(
            reversal_id=f"RV-{gone['id']}",
            attempt_ref=gone["attempt_ref"],
            bank_txn_id=gone["bank_txn_id"],
            amount_vnd=gone["amount_vnd"],
            occurred_at=world.hub.clock(),
        ),
    )


async def dispute(world: World, luck: int) -> None:
    about = await receipt(world, luck // 3, "r.home = 'provider'")
    known = await world.rows("SELECT dispute_id, amount_vnd FROM disputes WHERE receipt_id = $1", about["id"])
    amount_vnd = known[0]["amount_vnd"] if known else about["amount_vnd"] - luck % 2 * (about["amount_vnd"] // 2)
    await tell(
        world,
        about["bank"],
        DisputeSeen(
            dispute_id=f"DP-{about['id']}",
            attempt_ref=about["attempt_ref"],
            bank_txn_id=about["bank_txn_id"],
            status=tuple(DisputeNewsStatus)[luck % 3],
            amount_vnd=amount_vnd,
            occurred_at=world.hub.clock(),
        ),
    )


async def ask_refund(world: World, luck: int) -> None:
    source: Literal["component", "excess"] = ("component", "component", "excess")[luck % 3]
    ask = RefundAsk(
        source=source,
        amount_vnd=(1, 777, 5_000, 50_000, 120_000)[luck // 3 % 5],
        reason="thử",
        line=1 if source == "component" else None,
        component="phi" if source == "component" else None,
    )
    paid_for = await world.rows("SELECT id FROM orders WHERE receipt_count > 0 ORDER BY id")
    order_id = str(pick(paid_for, luck // 15)["id"])
    answered = await request_refund(world.hub, PORTAL, order_id, ask, key=world.name("k"))
    assert msgspec.json.decode(answered.body)["status"] == "requested"


async def refund(world: World, luck: int, *statuses: str) -> Record:
    """One refund in one of these states."""
    sql = """SELECT f.*, r.bank FROM refunds f JOIN receipts r ON r.id = f.receipt_id
             WHERE f.status = ANY($1) ORDER BY f.id"""
    return pick(await world.rows(sql, list(statuses)), luck)


async def decide(world: World, luck: int) -> None:
    found = str((await refund(world, luck // 8, "requested"))["id"])
    if luck % 8 == 0:
        await reject_refund(world.hub, found, by="minh")
        return
    crowd = (approve_refund(world.hub, found, by=person) for person in ("minh", "lan"))
    answers: list[Any] = await asyncio.gather(*crowd, return_exceptions=True)
    assert sum(isinstance(answer, dict) for answer in answers) <= 1
    for answer in answers:
        if isinstance(answer, BaseException) and not isinstance(answer, Refused):
            raise answer


async def withdraw(world: World, luck: int) -> None:
    await withdraw_refund(world.hub, str((await refund(world, luck, "approved", "funded"))["id"]), persons=BOTH)


async def agree(world: World, luck: int) -> None:
    await consent(world.hub, str((await refund(world, luck, "approved"))["id"]), persons=BOTH)


async def meet_need(world: World, luck: int) -> None:
    """A beneficiary pays part or all of what it has to give back, in some way."""
    sql = """SELECT f.receipt_id, f.id AS refund_id, l.* FROM refunds f, jsonb_to_recordset(f.legs)
                AS l(beneficiary text, code text, disbursed_vnd bigint, funded_vnd bigint, held boolean)
             WHERE NOT l.held AND l.disbursed_vnd > l.funded_vnd AND (f.status = 'approved' OR f.void)
             UNION ALL SELECT r.id, NULL, l.* FROM receipts r, jsonb_to_recordset(r.recoveries)
                AS l(beneficiary text, code text, disbursed_vnd bigint, funded_vnd bigint, held boolean)
             WHERE NOT l.held AND l.disbursed_vnd > l.funded_vnd ORDER BY 1, 2, 3, 4"""
    need = pick(await world.rows(sql), luck // 10)
    kinds: tuple[FundingKind, ...] = ("paid_in", "prefunded", "returned", "body_paid", "netted")
    kind, open_vnd = kinds[luck % 5], need["disbursed_vnd"] - need["funded_vnd"]
    lender = await world.rows(
        """SELECT s.* FROM slices s JOIN receipts r ON r.id = s.receipt_id AND r.settled
           WHERE s.live_vnd > s.disbursed_vnd AND s.beneficiary = $1 AND s.code = $2
             AND s.live_vnd - s.disbursed_vnd <= $3 ORDER BY s.receipt_id""",
        need["beneficiary"],
        need["code"],
        open_vnd,
    )
    if kind == "prefunded":
        await record_movement(
            world.hub, MovementAsk(event="prefunded", key=world.name("pf"), holding=world.holding, amount_vnd=open_vnd,
                                   party=need["beneficiary"])
        )  # fmt: skip
    ask = FundAsk(
        id=world.name("F"),
        kind=kind,
        receipt_id=str(need["receipt_id"]),
        refund_id=str(need["refund_id"]) if need["refund_id"] else None,
        beneficiary=need["beneficiary"],
        code=need["code"],
        amount_vnd=open_vnd if luck % 2 else max(open_vnd // 2, 1),
        from_slice=_named(pick(lender, luck)) if kind == "netted" else None,
    )
    await asyncio.gather(*(fund(world.hub, ask, persons=BOTH) for _ in range(2)))


def _named(piece: Record) -> SliceName:
    return SliceName(
        receipt_id=str(piece["receipt_id"]),
        line_no=piece["line_no"],
        beneficiary=piece["beneficiary"],
        code=piece["code"],
    )


async def work(world: World, luck: int) -> None:
    """The job looks at what is due, with a bank that is silent, refuses, or cannot be reached."""
    talk = world.hub.talk
    assert isinstance(talk, ScriptedBank)
    talk.answers[:] = [Answer(contact=(Contact.UNKNOWN, Contact.NOT_SENT)[luck % 2])] * 4
    later(world.hub, 20)
    await asyncio.gather(*(work_refunds(world.hub) for _ in range(2)))
    talk.answers.clear()


async def instruct(world: World, luck: int) -> None:
    route: Literal["transfer", "holder"] = "transfer" if world.hub.settings.funds == "custody" else "holder"
    await instruct_refund(world.hub, str((await refund(world, luck, "funded"))["id"]), route, persons=BOTH)


async def refund_news(world: World, luck: int) -> None:
    told_of = await refund(world, luck // 3, "sending", "succeeded")
    status = (RefundNewsStatus.SUCCEEDED, RefundNewsStatus.FAILED, RefundNewsStatus.RETURNED)[luck % 3]
    if told_of["status"] == "succeeded" and status is RefundNewsStatus.FAILED:
        return
    if luck % 2:
        await report_refund(world.hub, str(told_of["id"]), status, persons=BOTH)
        return
    seen = RefundSeen(
        refund_ref=told_of["ref"],
        status=status,
        amount_vnd=told_of["amount_vnd"] - told_of["body_paid_vnd"],
        occurred_at=world.hub.clock(),
    )
    await tell(world, told_of["bank"], seen)


async def unclaimed(world: World, luck: int) -> None:
    found = await receipt(world, luck, "r.free_vnd > 0 OR r.refund_due_vnd > 0")
    await declare_unclaimed(world.hub, str(found["id"]), persons=BOTH)


async def thaw(world: World, luck: int) -> None:
    await thaw_receipt(world.hub, str((await receipt(world, luck, "r.conflict"))["id"]), persons=BOTH)


async def identify(world: World, luck: int) -> None:
    found = await receipt(world, luck, "r.order_id IS NULL")
    await identify_receipt(world.hub, str(found["id"]), pick(world.orders, luck), persons=BOTH)


async def let_go(world: World, luck: int) -> None:
    held = pick(await world.rows("SELECT id, order_id FROM obligations WHERE order_id IS NOT NULL ORDER BY id"), luck)
    await release(world.hub, str(held["order_id"]), str(held["id"]), persons=BOTH)


async def settle(world: World, luck: int) -> None:
    """A batch: some receipts the provider holds, told twice, closed with a fee that is topped up."""
    bank = ("sandbox-a", "sandbox-b")[luck % 2]
    ready = await world.rows(
        "SELECT r.*, a.ref AS attempt_ref FROM receipts r LEFT JOIN attempts a ON a.id = r.attempt_id "
        "WHERE r.bank = $1 AND r.home = 'provider' AND NOT r.settled ORDER BY r.id LIMIT $2",
        bank,
        luck % 5 + 1,
    )
    pick(ready, luck)
    batch = world.name("B")
    asks = [LineAsk(batch=batch, line=str(n), item=_line(row, world), to=world.to) for n, row in enumerate(ready)]
    source = world.hub.registry.banks[bank]
    await asyncio.gather(*(settle_line(world.hub, source, ask) for ask in asks * 2))
    lines_vnd, fee_vnd = sum(row["amount_vnd"] for row in ready), luck % 3
    fee_vnd = fee_vnd if lines_vnd > fee_vnd else 0
    assert await close_batch(world.hub, source, batch, fee_vnd=fee_vnd, net_vnd=lines_vnd - fee_vnd) == "matched"
    if fee_vnd and luck % 7:
        ask = MovementAsk(event="fee_topped_up", key=batch, holding=world.holding, amount_vnd=fee_vnd)
        await record_movement(world.hub, ask)


def _line(row: Record, world: World) -> PaymentSeen:
    return PaymentSeen(
        attempt_ref=row["attempt_ref"],
        bank_txn_id=row["bank_txn_id"],
        amount_vnd=row["amount_vnd"],
        occurred_at=world.hub.clock(),
        merchant="PAYGW",
    )


async def settle_outgoing(world: World, luck: int) -> None:
    """The provider nets a refund or a reversal that it has told us of."""
    bank, item = pick([(b, i) for b, i in world.told if isinstance(i, ReversalSeen | RefundSeen | DisputeSeen)], luck)
    if bank == "sandbox-t" or not await world.can_lose(item.amount_vnd):
        return
    ask = LineAsk(batch=world.name("N"), line="1", item=item, to=world.to)
    await settle_line(world.hub, world.hub.registry.banks[bank], ask)


async def pay_out(world: World, luck: int) -> None:
    """Slices leave: by disbursement in custody, by the holder's proof in routing."""
    sql = """SELECT s.* FROM slices s JOIN receipts r ON r.id = s.receipt_id AND r.settled
             WHERE s.live_vnd > s.disbursed_vnd ORDER BY s.receipt_id, s.line_no, s.beneficiary, s.code"""
    name = _named(pick(await world.rows(sql), luck))
    if world.hub.settings.funds == "routing":
        await remit_slice(world.hub, name, persons=BOTH)
        return
    place = Place(batch_id=str(UUID(int=luck + 1)), no=int(world.name("")[1:]))
    await asyncio.gather(*(disburse_slice(world.hub, place, name, persons=BOTH) for _ in range(2)))


async def hear_of_pay_out(world: World, luck: int) -> None:
    sql = "SELECT * FROM disbursements ORDER BY batch_id, no"
    made = pick(await world.rows(sql), luck // 2)
    place = Place(batch_id=str(made["batch_id"]), no=made["no"])
    if made["status"] == "returned":
        to = Place(batch_id=str(UUID(int=luck + 1)), no=int(world.name("")[1:]))
        await reinstruct(world.hub, place, to=to, persons=BOTH)
    else:
        await (confirm_instruction, return_instruction)[luck % 2](world.hub, place)


async def bank_row(world: World, luck: int) -> None:
    if not await world.can_lose(5):
        return
    event = ("interest", "unidentified_debit", "debit_returned", "bank_charge")[luck % 4]
    ask = MovementAsk(event=event, key=world.name("row"), holding=world.holding, amount_vnd=5, party=ACCOUNT)  # type: ignore[arg-type]  # one of these words
    await record_movement(world.hub, ask)
    if event == "bank_charge" and luck % 8:
        await record_movement(world.hub, replace(ask, event="fee_topped_up"))


async def top_up(world: World, luck: int) -> None:
    """What the operator owes the account for fees is paid in."""
    async with world.hub.pool.acquire() as connection:
        due_vnd = (await read_spendable(connection, ACCOUNT)).due_vnd
    if due_vnd > 0:
        ask = MovementAsk(event="fee_topped_up", key=world.name("top"), holding=world.holding, amount_vnd=due_vnd)
        await record_movement(world.hub, ask)


async def contradict(world: World, luck: int) -> None:
    """The bank tells another amount for a payment it has told: a conflict."""
    told_before = [(bank, item) for bank, item in world.told if isinstance(item, PaymentSeen)]
    bank, item = pick(told_before, luck)
    again = replace(item, amount_vnd=item.amount_vnd + 1)
    await told(world.hub, again, event=world.name("e"), bank=bank)


ACTIONS: tuple[Action, ...] = (
    order, attempt, attempt, attempt, pay, pay, pay, pay_in_a_crowd, close_attempt, repeat, loose, cancel, reverse,
    dispute, contradict, thaw, thaw, ask_refund, ask_refund, ask_refund, ask_refund, decide, decide, decide, decide,
    withdraw, agree, agree, meet_need, meet_need, meet_need, meet_need, work, instruct, instruct, refund_news,
    refund_news, refund_news, unclaimed, identify, let_go, settle, settle, settle, settle_outgoing, settle_outgoing,
    pay_out, pay_out, pay_out, pay_out, hear_of_pay_out, hear_of_pay_out, hear_of_pay_out, bank_row, top_up, top_up,
    *batch_actions.ACTIONS,
)  # fmt: skip
# Two orders paid, one at a provider, one on our account; the first is settled, some of both has been paid out.
PRELUDE: tuple[tuple[Action, int], ...] = (
    (order, 0), (order, 0), (attempt, 0), (attempt, 5), (pay, 0), (pay, 5), (settle, 0), (pay_out, 0), (pay_out, 1),
)  # fmt: skip
