"""Move money that has landed: locked where it lives (hub/locking.py), the kernel decides, what changed is written."""

from collections.abc import Iterable
from dataclasses import replace

from asyncpg import Connection

from paygw.hub.hub import Hub
from paygw.hub.registry import Bank
from paygw.hub.writing import Told, new_id, writes_for
from paygw.kernel.connector import Verdict
from paygw.kernel.decide import Decision, Landing, Scene
from paygw.kernel.errors import Alarm, Refused
from paygw.kernel.evidence import Authority
from paygw.kernel.orders import Situation
from paygw.kernel.posting import Posting
from paygw.kernel.receipts import Purse, Receipt, Slice
from paygw.kernel.refunds import Moved
from paygw.store.situations import Locked, apply


async def keep(
    hub: Hub, connection: Connection, locked: Locked, decision: Decision, extra: Iterable[Posting] = ()
) -> None:
    """Write a decision made over a locked situation, with postings that belong to no receipt's records."""
    whole = replace(decision, postings=(*decision.postings, *extra))
    await apply(connection, writes_for(hub, locked, whole, Told(now=hub.clock())))


async def keep_moved(hub: Hub, connection: Connection, locked: Locked, moved: Moved) -> None:
    """Write what a row of the money rules did to a purse, where the portal need not hear of it."""
    await keep(hub, connection, locked, decision_of(locked, moved))


def decision_of(locked: Locked, moved: Moved) -> Decision:
    """A move as a decision."""
    after = replace(locked.situation, purse=moved.purse)
    return Decision(situation=after, verdict=Verdict.ACCEPTED, postings=moved.postings)


async def keep_postings(hub: Hub, connection: Connection, postings: Iterable[Posting]) -> None:
    """Write postings that touch no receipt."""
    nothing = Situation(order=None, purse=Purse())
    decision = Decision(situation=nothing, verdict=Verdict.ACCEPTED, postings=tuple(postings))
    await apply(connection, writes_for(hub, Locked(nothing), decision, Told(now=hub.clock())))


def scene_of(hub: Hub, receipt: Receipt, authority: Authority) -> Scene:
    """The scene for decisions on a receipt that landed before."""
    bank = hub.registry.banks.get(receipt.bank)
    return Scene(
        mode=hub.settings.funds,
        now=hub.clock(),
        bank=receipt.bank,
        merchant=receipt.merchant,
        receipts_per_attempt=bank.connector.receipts_per_attempt if bank else "many",
        authority=authority,
        new_id=new_id(),
        landing=Landing(home=receipt.home, account=receipt.account, holder=receipt.holder),
    )


def bank_scene(hub: Hub, bank: Bank, authority: Authority) -> Scene:
    """The scene for evidence of a bank."""
    return Scene(
        mode=hub.settings.funds,
        now=hub.clock(),
        bank=bank.id,
        merchant=bank.secrets.merchant,
        receipts_per_attempt=bank.connector.receipts_per_attempt,
        authority=authority,
        new_id=new_id(),
        landing=bank.landing,
    )


def slice_of(receipt: Receipt, *, line_no: int, beneficiary: str, code: str) -> Slice:
    """One slice of a receipt. Raises Refused `slice_not_payable`."""
    for piece in receipt.slices:
        if (piece.line_no, piece.beneficiary, piece.code) == (line_no, beneficiary, code):
            return piece
    raise Refused("slice_not_payable", "This receipt has no such slice.")


def require_order(locked: Locked) -> str:
    """The id of the locked order. Raises Alarm where there must be one."""
    if locked.situation.order is None:
        raise Alarm("this decision needs an order")
    return locked.situation.order.id
