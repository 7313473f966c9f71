"""Batches of payment orders in the game: proposed, decided by two at once, told of by people or a statement."""

import asyncio
from datetime import date

from asyncpg import Record

from paygw.hub import payouts
from paygw.hub.finance import View
from paygw.hub.payees import set_payee
from paygw.hub.payout_lines import tell_lines
from paygw.hub.payout_refunds import Payee as Citizen
from paygw.hub.payout_refunds import TransferAsk
from paygw.kernel.errors import Refused
from paygw.kernel.refs import public_id
from paygw.store.nights import LineRead
from paygw.store.payouts import Payee
from tests.hub.world import BOTH
from tests.properties.money_world import ACCOUNT, Action, World, pick

CITIZEN = Citizen(name="NGUYEN VAN AN", account="0071001234567", bank_code="BFTVVNVX", claim="7")


async def propose_batch(world: World, luck: int) -> None:
    """Everything that can leave, what came back, or refunds by transfer."""
    await _known_payees(world)
    kinds = (_slices, _slices, _again, _refunds)
    await kinds[luck % len(kinds)](world, luck // len(kinds))


async def _known_payees(world: World) -> None:
    for row in await world.rows("SELECT DISTINCT beneficiary FROM slices ORDER BY 1"):
        payee = Payee(
            beneficiary=row["beneficiary"], name="Kho bạc", account="7111", bank_code="01701001", treasury_unit="0012",
            collecting_office="1", remit_every="day", remit_by=1, basis="",
        )  # fmt: skip
        await set_payee(world.hub, payee, persons=BOTH)


async def _slices(world: World, luck: int) -> None:
    owners = await world.rows("SELECT DISTINCT beneficiary FROM slices ORDER BY 1")
    chosen = pick(owners, luck)["beneficiary"] if luck % 2 else None
    await payouts.propose_payout(world.hub, ACCOUNT, by="huong", beneficiary=chosen, until=date(2027, 1, 1))


async def _again(world: World, luck: int) -> None:
    batch, group = await _order(world, luck)
    await payouts.propose_again(world.hub, batch["batch"], group, by="huong")


async def _refunds(world: World, luck: int) -> None:
    ready = await world.rows(
        "SELECT f.id FROM refunds f JOIN receipts r ON r.id = f.receipt_id "
        "WHERE f.status = 'funded' AND r.bank = 'sandbox-t' ORDER BY f.id LIMIT $1",
        luck % 3 + 1,
    )
    pick(ready, luck)
    asks = [TransferAsk(public_id("rfd", str(row["id"])), CITIZEN) for row in ready]
    await payouts.propose_refunds(world.hub, asks, by="huong")


async def decide_batch(world: World, luck: int) -> None:
    """Two approvers decide on one batch at the same moment: one of them at most does; then it is exported."""
    row = pick(await _batches(world, "proposed"), luck)
    batch_id = str(row["batch_id"])
    answers = await asyncio.gather(
        *(
            payouts.approve_payout(world.hub, batch_id, by=who, shown=row["content_hash"], document="LC")
            for who in ("minh", "lan")
        ),
        return_exceptions=True,
    )
    failed = [one for one in answers if isinstance(one, BaseException)]
    assert all(isinstance(one, Refused) for one in failed), failed
    assert len(failed) >= 1
    if len(failed) == 2:
        await payouts.reject_payout(world.hub, batch_id, by="lan")
        return
    await payouts.export_payout(world.hub, batch_id, by="huong")


async def hear_of_batch(world: World, luck: int) -> None:
    """People or a statement tell what became of an order; a statement is read twice."""
    batch, group = await _order(world, luck // 5)
    order = batch["orders"][group - 1]
    if luck % 5 == 0:
        await payouts.confirm_group(world.hub, batch["batch"], group, by="huong")
    elif luck % 5 == 1:
        await payouts.return_group(world.hub, batch["batch"], group, by="huong")
    else:
        directions = (("debit",), ("credit",), ("debit", "credit"))[luck % 5 - 2]
        lines = [_line(world, order, direction) for direction in directions]
        bank = world.hub.registry.banks["sandbox-t"]
        await tell_lines(world.hub, bank, lines)
        assert await tell_lines(world.hub, bank, lines) == 0


async def _order(world: World, luck: int) -> tuple[View, int]:
    row = pick(await _batches(world, "exported"), luck)
    batch = await payouts.show_payout(world.hub, str(row["batch_id"]))
    return batch, luck % len(batch["orders"]) + 1


async def _batches(world: World, status: str) -> list[Record]:
    return await world.rows("SELECT * FROM payouts WHERE status = $1 ORDER BY batch_id", status)


def _line(world: World, order: View, direction: str) -> LineRead:
    now = world.hub.clock()
    return LineRead(
        bank="sandbox-t",
        day=now.date(),
        kind="statement",
        no=1,
        ref=str(order["end_to_end_id"]),
        bank_txn_id=world.name("L"),
        movement="payment",
        amount_vnd=int(str(order["amount_vnd"])),
        fee_vnd=0,
        status="succeeded",
        direction=direction,
        account=ACCOUNT,
        occurred_at=now,
        settled_on=now.date(),
        virtual_account="",
        memo="",
    )


ACTIONS: tuple[Action, ...] = (
    propose_batch, propose_batch, propose_batch, decide_batch, decide_batch, decide_batch, hear_of_batch, hear_of_batch,
    hear_of_batch,
)  # fmt: skip
