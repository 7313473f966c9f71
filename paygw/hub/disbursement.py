"""Disbursement (rows 22 and 23, custody): a slice is instructed, confirmed or returned, and instructed again.

A batch is resumed after a crash with the same numbers: an instruction is made once. Lock order: the order of the
slice, its receipt, then the bank account, then the instruction.
"""

from dataclasses import dataclass, replace
from functools import partial

from asyncpg import Connection

from paygw.hub.hub import Hub
from paygw.hub.locking import lock_receipt
from paygw.hub.moving import keep_moved, keep_postings, slice_of
from paygw.hub.persons import TwoPersons, decided_by_two
from paygw.hub.settlement import SliceName
from paygw.kernel.errors import Alarm, Refused
from paygw.kernel.posting import h_bank
from paygw.kernel.receipts import Slice
from paygw.kernel.settlement import (
    confirm_disbursement,
    disburse,
    reinstruct_disbursement,
    require_spendable,
    return_confirmed,
    return_disbursement,
)
from paygw.store.disbursement import (
    Instruction,
    account_of,
    add_instruction,
    lock_instruction,
    set_instruction,
)
from paygw.store.settlement import differing_batch, lock_account, read_spendable


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """An instruction's place: its batch (uuid) and number."""

    batch_id: str
    no: int


async def disburse_slice(hub: Hub, place: Place, name: SliceName, *, persons: TwoPersons) -> Instruction:
    """Row 22: the whole undisbursed part of a slice; again at the same place is nothing.

    Raises Refused: `receipt_held` (routing), `settlement_differs`, `account_short`, `account_owes_fee`, the kernel's;
    Alarm when the place is taken by another slice.
    """
    return await hub.transact(partial(_disburse, hub, place, name, persons))


async def _disburse(
    hub: Hub, place: Place, name: SliceName, persons: TwoPersons, connection: Connection
) -> Instruction:
    if hub.settings.funds != "custody":
        raise Refused("receipt_held", "The hub does not hold this money; its holder passes it on.")
    locked = await lock_receipt(connection, name.receipt_id)
    receipt = locked.situation.purse[name.receipt_id]
    await lock_account(connection, h_bank(receipt.account))
    known = await lock_instruction(connection, place.batch_id, place.no)
    if known is not None:
        if _slice_at(known) != _named(name):
            raise Alarm(f"instruction {place.batch_id}:{place.no} is about another slice")
        return known
    piece = slice_of(receipt, line_no=name.line_no, beneficiary=name.beneficiary, code=name.code)
    if await differing_batch(connection, receipt.id) is not None:
        raise Refused("settlement_differs", "The net credit of its settlement does not fit; settle that first.")
    await _require_spendable(connection, receipt.account, piece.undisbursed_vnd)
    moved = disburse(locked.situation.purse, receipt.id, piece, place.batch_id)
    made = Instruction(
        batch_id=place.batch_id,
        no=place.no,
        account=receipt.account,
        receipt_id=receipt.id,
        order_id=piece.order_id,
        line_no=piece.line_no,
        beneficiary=piece.beneficiary,
        code=piece.code,
        amount_vnd=piece.undisbursed_vnd,
        created_at=hub.clock(),
        made_by=persons.maker,
        checked_by=persons.checker,
    )
    await decided_by_two(
        connection, persons, "slice.disburse", f"{place.batch_id}:{place.no}", amount_vnd=made.amount_vnd
    )
    await keep_moved(hub, connection, locked, moved)
    await add_instruction(connection, made)
    return made


def _named(name: SliceName) -> tuple[str, int, str, str]:
    return name.receipt_id, name.line_no, name.beneficiary, name.code


async def _require_spendable(connection: Connection, account: str, amount_vnd: int) -> None:
    stands = await read_spendable(connection, account)
    require_spendable(
        balance_vnd=stands.balance_vnd,
        in_flight_vnd=stands.in_flight_vnd,
        amount_vnd=amount_vnd,
        due_vnd=stands.due_vnd,
    )


async def confirm_instruction(hub: Hub, place: Place) -> None:
    """Row 23: the bank debited our account for it. Again is nothing; after a return it is refused."""

    async def work(connection: Connection) -> None:
        made = await _lock(connection, place)
        if made.status == "confirmed":
            return
        _require_sent(made)
        posting = confirm_disbursement(made.batch_id, made.amount_vnd, made.account, instruction=str(made.no))
        await keep_postings(hub, connection, [posting])
        await set_instruction(connection, made, status="confirmed", reused_vnd=0)

    await hub.transact(work)


async def return_instruction(hub: Hub, place: Place) -> None:
    """Row 23: it did not arrive, or it left and came back; the money waits for the right account. Again is nothing."""

    async def work(connection: Connection) -> None:
        made = await _lock(connection, place)
        if made.status == "returned":
            return
        number, piece = str(made.no), _piece(made)
        if made.status == "confirmed":
            posting = return_confirmed(made.batch_id, made.amount_vnd, made.account, piece, instruction=number)
        else:
            posting = return_disbursement(made.batch_id, made.amount_vnd, piece, instruction=number)
        await keep_postings(hub, connection, [posting])
        await set_instruction(connection, made, status="returned", reused_vnd=0)

    await hub.transact(work)


async def reinstruct(hub: Hub, place: Place, *, to: Place, persons: TwoPersons) -> Instruction:
    """Row 23: send what is left of a returned instruction again, at a place of its own; there again is nothing.

    Raises Refused: `disbursement_state`, `account_short`, `account_owes_fee`; Alarm when the place is taken.
    """
    return await hub.transact(partial(_reinstruct, hub, place, to, persons))


async def _reinstruct(hub: Hub, place: Place, to: Place, persons: TwoPersons, connection: Connection) -> Instruction:
    account = await account_of(connection, place.batch_id, place.no)
    if account is None:
        raise Refused("not_found", "There is no such instruction.")
    await lock_account(connection, h_bank(account))
    made = await _lock(connection, place)
    known = await lock_instruction(connection, to.batch_id, to.no)
    if known is not None:
        if _slice_at(known) != _slice_at(made):
            raise Alarm(f"instruction {to.batch_id}:{to.no} is about another slice")
        return known
    left_vnd = made.amount_vnd - made.reused_vnd
    if made.status != "returned" or left_vnd == 0:
        raise Refused("disbursement_state", "Only what came back, and is still there, can be sent again.")
    await _require_spendable(connection, account, left_vnd)
    again = replace(
        made,
        batch_id=to.batch_id,
        no=to.no,
        amount_vnd=left_vnd,
        created_at=hub.clock(),
        made_by=persons.maker,
        checked_by=persons.checker,
        status="sent",
        reused_vnd=0,
    )
    told = f"{to.batch_id}:{to.no}"
    await decided_by_two(
        connection, persons, "slice.reinstruct", told, amount_vnd=left_vnd, of=f"{made.batch_id}:{made.no}"
    )
    posting = reinstruct_disbursement(to.batch_id, left_vnd, _piece(made), instruction=str(to.no))
    await keep_postings(hub, connection, [posting])
    await set_instruction(connection, made, status="returned", reused_vnd=made.amount_vnd)
    await add_instruction(connection, again)
    return again


def _slice_at(made: Instruction) -> tuple[str, int, str, str]:
    return made.receipt_id, made.line_no, made.beneficiary, made.code


def _piece(made: Instruction) -> Slice:
    return Slice(made.order_id, made.line_no, made.beneficiary, made.code, live_vnd=made.amount_vnd)


def _require_sent(made: Instruction) -> None:
    if made.status != "sent":
        raise Refused("disbursement_state", f"The instruction is {made.status}.")


async def _lock(connection: Connection, place: Place) -> Instruction:
    made = await lock_instruction(connection, place.batch_id, place.no)
    if made is None:
        raise Refused("not_found", "There is no such instruction.")
    return made
