"""Movements on holding accounts that belong to no receipt (rows 16, 21b to 21d, 9b, 25), and unclaimed money (24)."""

from dataclasses import dataclass
from functools import partial

from asyncpg import Connection

from paygw.hub.hub import Hub
from paygw.hub.locking import lock_receipt
from paygw.hub.moving import keep_moved, keep_postings
from paygw.hub.persons import TwoPersons, decided_by_two
from paygw.kernel.errors import Alarm
from paygw.kernel.settlement import AccountEvent, account_event, claim_unclaimed
from paygw.store.cases import open_case
from paygw.store.settlement import Movement, add_movement, find_movement, lock_account


@dataclass(frozen=True, slots=True, kw_only=True)
class MovementAsk:
    """One movement. `key` is the bank's reference of the line (account:line); `party` as the kernel says."""

    event: AccountEvent
    key: str
    holding: str
    amount_vnd: int
    party: str = ""


async def record_movement(hub: Hub, ask: MovementAsk, *, persons: TwoPersons | None = None) -> bool:
    """Book a movement once; False when it was booked before. From a statement no persons are needed.

    Raises Alarm when the key was booked with other content.
    """
    return await hub.transact(partial(_record, hub, ask, persons))


async def _record(hub: Hub, ask: MovementAsk, persons: TwoPersons | None, connection: Connection) -> bool:
    posting = account_event(ask.event, ask.key, ask.amount_vnd, holding=ask.holding, party=ask.party)
    movement = Movement(
        key=posting.key, event=ask.event, holding=ask.holding, party=ask.party, amount_vnd=ask.amount_vnd
    )
    await lock_account(connection, ask.holding)
    known = await find_movement(connection, movement.key)
    if known is not None:
        if known != movement:
            raise Alarm(f"movement {movement.key} was booked with other content")
        return False
    if persons is not None:
        await decided_by_two(connection, persons, f"account.{ask.event}", posting.key, amount_vnd=ask.amount_vnd)
    await add_movement(connection, movement)
    await keep_postings(hub, connection, [posting])
    if ask.event == "unidentified_debit":
        detail = f"{ask.amount_vnd} đồng left {ask.holding} without an instruction of ours"
        await open_case(connection, key=f"debit:{posting.key}", kind="unidentified_debit", detail=detail)
    return True


async def declare_unclaimed(hub: Hub, receipt_id: str, *, persons: TwoPersons) -> None:
    """Row 24: unapplied money goes to the treasury after the statutory notice (the document)."""

    async def work(connection: Connection) -> None:
        locked = await lock_receipt(connection, receipt_id)
        moved = claim_unclaimed(locked.situation.purse, receipt_id)
        await decided_by_two(connection, persons, "receipt.unclaimed", receipt_id)
        await keep_moved(hub, connection, locked, moved)

    await hub.transact(work)
