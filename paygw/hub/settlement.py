"""Settlement (rows 15 to 17a): line by line what a provider passed on, then the batch against its one net credit."""

from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Literal, assert_never

import asyncpg
from asyncpg import Connection

from paygw.hub.credit import Message, credit_item
from paygw.hub.hub import Hub
from paygw.hub.locking import hold_concerned, lock_receipt
from paygw.hub.moving import bank_scene, keep_moved, keep_postings, slice_of
from paygw.hub.persons import TwoPersons, decided_by_two
from paygw.hub.registry import Bank
from paygw.kernel.errors import Alarm, Refused, Unavailable
from paygw.kernel.evidence import (
    Authority,
    DisputeNewsStatus,
    DisputeSeen,
    PaymentSeen,
    RefundNewsStatus,
    RefundSeen,
    ReversalSeen,
)
from paygw.kernel.posting import h_provider
from paygw.kernel.receipts import Mode, Purse, Receipt, RefundStatus
from paygw.kernel.refunds import refund_account
from paygw.kernel.scene import Scene, receipt_key
from paygw.kernel.settlement import Destination, account_event, remit, settle_outgoing, settle_receipt
from paygw.store.cases import open_case
from paygw.store.money import dispute_status, receipt_of_key, refund_by_ref
from paygw.store.settlement import (
    Batch,
    Movement,
    SettledLine,
    add_line,
    add_movement,
    batch_total,
    find_batch,
    find_line,
    keep_batch,
    lock_account,
)

SettledEvidence = PaymentSeen | ReversalSeen | RefundSeen | DisputeSeen
Outcome = Literal["settled", "known", "evidence_only"]
_RACES_MAX = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class LineAsk:
    """One line of a provider's settlement file and where its money went; `batch` and `line` name its place.

    `fee_vnd` and `settled_on` are the provider's own words: what it keeps, and the day it pays the rest.
    """

    batch: str
    line: str
    item: SettledEvidence
    to: Destination
    fee_vnd: int = 0
    settled_on: date | None = None


@dataclass(frozen=True, slots=True)
class _Movement:
    """What a line settles: a movement of the provider that we have booked, above zero when it comes to us."""

    kind: str
    subject: str
    receipt_id: str
    amount_vnd: int


async def settle_line(hub: Hub, bank: Bank, ask: LineAsk) -> Outcome:
    """Apply one line: as evidence first, then as settlement, in one transaction; again is `known`.

    `evidence_only`: the line does not fit what is known and became a case. Raises Alarm when a place in a file, or a
    movement, is told with another amount than before.
    """
    for _ in range(_RACES_MAX):
        try:
            return await hub.transact(partial(_settle, hub, bank, ask))
        except asyncpg.UniqueViolationError:  # the same money, told by a webhook at the same moment
            continue
    raise Unavailable("the same money is being booked by others")


async def _settle(hub: Hub, bank: Bank, ask: LineAsk, connection: Connection) -> Outcome:
    scene = bank_scene(hub, bank, Authority.SETTLEMENT)
    await hold_concerned(connection, [ask.item], scene)
    await credit_item(hub, connection, ask.item, scene, message=Message())
    moved = await _movement(connection, ask.item, scene)
    if moved is None:
        key = f"settlement:{bank.id}:{ask.batch}:{ask.line}"
        await open_case(connection, key=key, kind="settlement", detail="a line does not fit what is booked here")
        return "evidence_only"
    line = SettledLine(
        bank=bank.id,
        batch=ask.batch,
        line=ask.line,
        kind=moved.kind,
        subject=moved.subject,
        receipt_id=moved.receipt_id,
        holding=ask.to.ledger_account(scene.mode),
        amount_vnd=moved.amount_vnd,
        fee_vnd=ask.fee_vnd,
        settled_on=ask.settled_on,
    )
    known = await find_line(connection, line)
    if known is not None:
        return await _known(connection, known, line)
    await _book(hub, connection, line, ask.to)
    await add_line(connection, line)
    return "settled"


async def _known(connection: Connection, known: SettledLine, line: SettledLine) -> Outcome:
    if (known.kind, known.subject, known.amount_vnd) != (line.kind, line.subject, line.amount_vnd):
        raise Alarm(f"settlement line {line.bank}:{line.batch}:{line.line} was booked with other content")
    if (known.batch, known.line) != (line.batch, line.line):
        detail = f"settled before in {known.batch}:{known.line}"
        key = f"settlement:{line.bank}:{line.batch}:{line.line}"
        await open_case(connection, key=key, kind="settlement", detail=detail, receipt_id=line.receipt_id)
    return "known"


async def _book(hub: Hub, connection: Connection, line: SettledLine, to: Destination) -> None:
    locked = await lock_receipt(connection, line.receipt_id)
    key = f"{line.bank}:{line.batch}:{line.line}"
    mode, purse = hub.settings.funds, locked.situation.purse
    if line.kind == "receipt":
        await keep_moved(hub, connection, locked, settle_receipt(purse, line.receipt_id, key, to, mode))
        return
    posting = settle_outgoing(purse[line.receipt_id], -line.amount_vnd, key, to, mode)
    await keep_postings(hub, connection, [posting])


async def _movement(connection: Connection, item: SettledEvidence, scene: Scene) -> _Movement | None:
    """The booked movement a line speaks of; None when what is booked is something else."""
    if isinstance(item, RefundSeen):
        return await _refund_movement(connection, item, scene.mode)
    key = receipt_key(item, scene)
    receipt_id = await receipt_of_key(connection, key) if key else None
    if receipt_id is None:
        return None
    receipt = (await lock_receipt(connection, receipt_id)).situation.purse[receipt_id]
    if receipt.home != "provider":
        return None
    match item:
        case PaymentSeen():
            same = item.amount_vnd == receipt.amount_vnd and item.currency == "VND"
            return _Movement("receipt", receipt_id, receipt_id, receipt.amount_vnd) if same else None
        case ReversalSeen():
            booked = (receipt.taken_back_by, receipt.taken_back_vnd) == (item.reversal_id, item.amount_vnd)
            return _Movement("reversal", item.reversal_id, receipt_id, -item.amount_vnd) if booked else None
        case DisputeSeen():
            return await _dispute_movement(connection, item, scene, receipt)
        case _:
            assert_never(item)


async def _dispute_movement(
    connection: Connection, item: DisputeSeen, scene: Scene, receipt: Receipt
) -> _Movement | None:
    known = await dispute_status(connection, scene.bank, item.dispute_id)
    lost = receipt.taken_back_by == item.dispute_id and receipt.taken_back_vnd == item.amount_vnd
    if item.status is DisputeNewsStatus.WON:
        won = known == item.status and not receipt.dispute_vnd
        return _Movement("dispute_won", item.dispute_id, receipt.id, item.amount_vnd) if won else None
    if lost or receipt.dispute_vnd == item.amount_vnd:
        return _Movement("dispute", item.dispute_id, receipt.id, -item.amount_vnd)
    return None


async def _refund_movement(connection: Connection, item: RefundSeen, mode: Mode) -> _Movement | None:
    found = await refund_by_ref(connection, item.refund_ref)
    if found is None:
        return None
    purse: Purse = (await lock_receipt(connection, found.receipt_id)).situation.purse
    receipt = purse[found.receipt_id]
    refund = next((r for r in receipt.refunds if r.id == found.refund_id), None)
    if refund is None or item.amount_vnd != refund.sendable_vnd:
        return None
    if (
        refund_account(receipt, refund, mode) != h_provider(receipt.bank, receipt.merchant)
        or refund.route != "provider"
    ):
        return None
    if item.status is RefundNewsStatus.SUCCEEDED and refund.status in {RefundStatus.SUCCEEDED, RefundStatus.RETURNED}:
        return _Movement("refund", refund.id, receipt.id, -refund.sendable_vnd)
    if item.status is RefundNewsStatus.RETURNED and refund.status is RefundStatus.RETURNED:
        return _Movement("return", refund.id, receipt.id, refund.sendable_vnd)
    return None


async def close_batch(hub: Hub, bank: Bank, batch: str, *, fee_vnd: int, net_vnd: int) -> Literal["matched", "differs"]:
    """Row 16: lines less the fee kept must be the net credit to the đồng; if not, nothing of the batch is disbursed.

    Closing again with the same figures changes nothing; a batch that differed may be closed with better ones.
    """
    return await hub.transact(partial(_close, hub, bank, batch, fee_vnd, net_vnd))


async def _close(
    hub: Hub, bank: Bank, batch: str, fee_vnd: int, net_vnd: int, connection: Connection
) -> Literal["matched", "differs"]:
    lines_vnd, holding = await batch_total(connection, bank.id, batch)
    if holding is None or fee_vnd < 0:
        raise Refused("settlement_unknown", "A batch is closed when its lines are booked, all to one account.")
    await lock_account(connection, holding)
    known = await find_batch(connection, bank.id, batch)
    if known is not None and known.status == "matched":
        if (known.fee_vnd, known.net_vnd, known.lines_vnd) != (fee_vnd, net_vnd, lines_vnd):
            raise Alarm(f"settlement batch {bank.id}:{batch} was closed with other figures")
        return "matched"
    status: Literal["matched", "differs"] = "matched" if lines_vnd - fee_vnd == net_vnd else "differs"
    closed = Batch(
        bank=bank.id,
        batch=batch,
        holding=holding,
        lines_vnd=lines_vnd,
        fee_vnd=fee_vnd,
        net_vnd=net_vnd,
        status=status,
        closed_at=hub.clock(),
    )
    await keep_batch(connection, closed)
    if status == "differs":
        detail = f"lines {lines_vnd} less fee {fee_vnd} are not the net credit {net_vnd}"
        await open_case(connection, key=f"net:{bank.id}:{batch}", kind="settlement", detail=detail)
    elif fee_vnd:
        key = f"{bank.id}:{batch}"
        posting = account_event("fee_kept", key, fee_vnd, holding=holding)
        kept = Movement(key=posting.key, event="fee_kept", holding=holding, party=bank.id, amount_vnd=fee_vnd)
        await add_movement(connection, kept)
        await keep_postings(hub, connection, [posting])
    return status


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceName:
    """Names a slice: the part of one line on one receipt for one beneficiary and budget code."""

    receipt_id: str
    line_no: int
    beneficiary: str
    code: str


async def remit_slice(hub: Hub, name: SliceName, *, persons: TwoPersons, amount_vnd: int | None = None) -> None:
    """Row 17a: the holder proved (the document) that it passed a slice on, of this amount where one is named.

    Raises Refused `stale_version` for another amount, and the kernel's.
    """

    async def work(connection: Connection) -> None:
        locked = await lock_receipt(connection, name.receipt_id)
        receipt = locked.situation.purse[name.receipt_id]
        piece = slice_of(receipt, line_no=name.line_no, beneficiary=name.beneficiary, code=name.code)
        if amount_vnd is not None and piece.undisbursed_vnd != amount_vnd:
            raise Refused("stale_version", "A slice has another amount now: propose it again.")
        await decided_by_two(connection, persons, "slice.remit", name.receipt_id, beneficiary=name.beneficiary)
        await keep_moved(hub, connection, locked, remit(locked.situation.purse, name.receipt_id, piece))

    await hub.transact(work)
