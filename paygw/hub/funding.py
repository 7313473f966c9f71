"""How beneficiaries meet what they must give back (rows 9b and 25): for a refund, or after money was taken back."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

from asyncpg import Connection

from paygw.hub.hub import Hub
from paygw.hub.locking import hold_receipts, lock_receipt
from paygw.hub.moving import decision_of, keep, keep_moved, slice_of
from paygw.hub.persons import TwoPersons, decided_by_two
from paygw.hub.refunds import lock_live_refund
from paygw.hub.settlement import SliceName
from paygw.kernel.decide import Decision, Fact
from paygw.kernel.errors import Alarm, Refused
from paygw.kernel.news import touched
from paygw.kernel.posting import prefund
from paygw.kernel.receipts import Purse, Receipt, RefundStatus, holding_account
from paygw.kernel.refs import public_id
from paygw.kernel.refunds import (
    Funding,
    Moved,
    body_pays_citizen,
    consent_refund,
    fund_refund,
    netted,
    paid_in,
    prefunded,
    returned_disbursement,
)
from paygw.kernel.reversals import recover
from paygw.kernel.settlement import net_slice
from paygw.store.disbursement import (
    FundingRow,
    add_funding,
    find_funding,
    lock_returned,
    prefunded_vnd,
    set_instruction,
)
from paygw.store.refunds import wake_refund
from paygw.store.settlement import lock_account
from paygw.store.situations import Locked

FundingKind = Literal["paid_in", "prefunded", "returned", "body_paid", "netted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FundAsk:
    """One payment towards a need. `id` makes it happen once; for a recovery `refund_id` is None or a void refund's.

    `amount_vnd` is ignored when a slice (`from_slice`) is netted: it goes whole.
    """

    id: str
    kind: FundingKind
    receipt_id: str
    refund_id: str | None
    beneficiary: str
    code: str
    amount_vnd: int = 0
    from_slice: SliceName | None = None


async def consent(hub: Hub, refund_id: str, *, persons: TwoPersons) -> None:
    """The holder of the receipt agrees to give the money back (the document)."""

    async def work(connection: Connection) -> None:
        locked, row = await lock_live_refund(connection, refund_id)
        moved = consent_refund(locked.situation.purse, row.refund.receipt_id, refund_id)
        await decided_by_two(connection, persons, "refund.consent", public_id("rfd", refund_id))
        await keep_moved(hub, connection, locked, moved)
        await wake_refund(connection, refund_id, at=hub.clock())

    await hub.transact(work)


async def fund(hub: Hub, ask: FundAsk, *, persons: TwoPersons) -> None:
    """Meet (part of) a need. The same ask again is nothing; the same id for another ask raises Alarm.

    Raises Refused: `funding_exceeds_need`, `prefunding_short`, `return_short`, `netting_not_allowed`, the kernel's.
    """
    await hub.transact(partial(_fund, hub, ask, persons))


async def _fund(hub: Hub, ask: FundAsk, persons: TwoPersons, connection: Connection) -> None:
    locked, donor = await _lock_both(connection, ask)
    known = await find_funding(connection, ask.id)
    if known is not None:
        same = (known.kind, known.receipt_id, known.refund_id, known.beneficiary, known.code)
        if same != (ask.kind, ask.receipt_id, ask.refund_id, ask.beneficiary, ask.code):
            raise Alarm(f"funding {ask.id} was booked with other content")
        return
    locked, funding = await _funding(hub, connection, ask, locked, donor)
    moved = _meet(locked.situation.purse, ask, funding)
    await decided_by_two(
        connection, persons, f"fund.{ask.kind}", ask.id, beneficiary=ask.beneficiary, amount_vnd=funding.amount_vnd
    )
    await keep(hub, connection, locked, _with_facts(locked, moved, ask))
    row = FundingRow(
        id=ask.id,
        kind=ask.kind,
        receipt_id=ask.receipt_id,
        refund_id=ask.refund_id,
        beneficiary=funding.beneficiary,
        code=funding.code,
        amount_vnd=funding.amount_vnd,
        account=funding.debit.account,
        from_receipt_id=ask.from_slice.receipt_id if ask.from_slice else None,
    )
    await add_funding(connection, row)
    if ask.refund_id is not None:
        await wake_refund(connection, ask.refund_id, at=hub.clock())


async def _lock_both(connection: Connection, ask: FundAsk) -> tuple[Locked, Locked | None]:
    """The receipt in need, and the one that lends a slice where it lives in another order."""
    lender = ask.from_slice.receipt_id if ask.from_slice and ask.kind == "netted" else None
    if lender is None:
        return await lock_receipt(connection, ask.receipt_id), None
    both = sorted((ask.receipt_id, lender))
    await hold_receipts(connection, both)
    locked = {receipt_id: await lock_receipt(connection, receipt_id) for receipt_id in both}
    mine = locked[ask.receipt_id]
    together = any(receipt.id == lender for receipt in mine.situation.purse.receipts)
    return mine, None if together else locked[lender]


async def _funding(
    hub: Hub, connection: Connection, ask: FundAsk, locked: Locked, donor: Locked | None
) -> tuple[Locked, Funding]:
    """The kernel's funding of each kind; what lends the money is marked under its lock."""
    receipt = locked.situation.purse[ask.receipt_id]
    match ask.kind:
        case "paid_in":
            account = holding_account(replace(receipt, settled=True), hub.settings.funds)
            await lock_account(connection, account)
            return locked, paid_in(
                ask.id, beneficiary=ask.beneficiary, code=ask.code, amount_vnd=ask.amount_vnd, account=account
            )
        case "prefunded":
            await _require_prefunded(connection, ask)
            return locked, prefunded(ask.id, beneficiary=ask.beneficiary, code=ask.code, amount_vnd=ask.amount_vnd)
        case "returned":
            await _use_returned(connection, ask)
            return locked, returned_disbursement(
                ask.id, beneficiary=ask.beneficiary, code=ask.code, amount_vnd=ask.amount_vnd
            )
        case "body_paid":
            if ask.refund_id is None:
                raise Refused("recovery_not_to_citizen", "A recovery is not paid to the citizen.")
            return locked, body_pays_citizen(
                ask.id,
                beneficiary=ask.beneficiary,
                code=ask.code,
                amount_vnd=ask.amount_vnd,
                refund_id=ask.refund_id,
            )
        case "netted":
            return await _net(hub, connection, ask, locked, donor)


async def _require_prefunded(connection: Connection, ask: FundAsk) -> None:
    await lock_account(connection, prefund(ask.beneficiary))
    left_vnd = await prefunded_vnd(connection, ask.beneficiary)
    if ask.amount_vnd > left_vnd:
        raise Refused("prefunding_short", "The prefunding does not hold this sum.", available_vnd=left_vnd)


async def _use_returned(connection: Connection, ask: FundAsk) -> None:
    """Take from what came back, oldest first."""
    left_vnd = ask.amount_vnd
    for made in await lock_returned(connection, ask.beneficiary, ask.code):
        part_vnd = min(left_vnd, made.amount_vnd - made.reused_vnd)
        if part_vnd > 0:
            await set_instruction(connection, made, status="returned", reused_vnd=made.reused_vnd + part_vnd)
            left_vnd -= part_vnd
    if left_vnd:
        raise Refused("return_short", "Less than this sum came back.", available_vnd=ask.amount_vnd - left_vnd)


async def _net(
    hub: Hub, connection: Connection, ask: FundAsk, locked: Locked, donor: Locked | None
) -> tuple[Locked, Funding]:
    name = ask.from_slice
    if name is None or ask.beneficiary not in hub.settings.netting_allowed:
        raise Refused("netting_not_allowed", "This beneficiary has not agreed to netting.")
    if (name.beneficiary, name.code) != (ask.beneficiary, ask.code):
        raise Refused("netting_not_allowed", "Only a slice of the same beneficiary and budget code can be netted.")
    lender = donor or locked
    receipt: Receipt = lender.situation.purse[name.receipt_id]
    piece = slice_of(receipt, line_no=name.line_no, beneficiary=name.beneficiary, code=name.code)
    marked: Purse = net_slice(lender.situation.purse, receipt.id, piece)
    await keep_moved(hub, connection, lender, Moved(marked))
    if donor is None:
        locked = replace(locked, situation=replace(locked.situation, purse=marked))
    return locked, netted(ask.id, receipt, piece)


def _meet(purse: Purse, ask: FundAsk, funding: Funding) -> Moved:
    refund = next((refund for refund in purse.refunds if refund.id == ask.refund_id), None)
    if ask.refund_id is not None and (refund is None or refund.receipt_id != ask.receipt_id):
        raise Refused("not_found", "There is no such refund on this receipt.")
    if refund is None or refund.void:
        return recover(purse, ask.receipt_id, funding, refund_id=ask.refund_id)
    return fund_refund(purse, ask.receipt_id, refund.id, funding)


def _with_facts(locked: Locked, moved: Moved, ask: FundAsk) -> Decision:
    """A refund that the bodies paid whole has succeeded, and the portal hears of it."""
    decision = decision_of(locked, moved)
    refund = next((refund for refund in moved.purse.refunds if refund.id == ask.refund_id), None)
    if refund is None or refund.status is not RefundStatus.SUCCEEDED:
        return decision
    fact = Fact("refund.succeeded", f"refund.succeeded:{refund.id}", receipt_id=ask.receipt_id, refund_id=refund.id)
    return replace(decision, situation=touched(decision.situation), facts=(fact,))
