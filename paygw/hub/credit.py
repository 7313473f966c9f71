"""The one credit function: webhook, enquiry, settlement line and operator's finding all come through here.

Each piece of evidence is one short transaction part: lock, let the kernel decide, write. It never calls anybody.
"""

from dataclasses import dataclass, replace
from functools import partial

import asyncpg
from asyncpg import Connection

from paygw.hub.hub import Hub
from paygw.hub.locking import hold_concerned, lock_receipt
from paygw.hub.moving import bank_scene
from paygw.hub.registry import Bank
from paygw.hub.transfers import Landed, is_observer, observed_account, observed_accounts, take_in
from paygw.hub.writing import Told, evidence_row, new_id, writes_for
from paygw.kernel.connector import Notice, Verdict
from paygw.kernel.decide import (
    Decision,
    Scene,
    adopt,
    find_receipt,
    identify,
    receipt_key,
    see_attempt,
    see_dispute,
    see_payment,
    see_refund,
    see_reversal,
    see_total,
)
from paygw.kernel.errors import Unavailable
from paygw.kernel.evidence import (
    AttemptSeen,
    Authority,
    DebitSeen,
    DisputeNewsStatus,
    DisputeSeen,
    Evidence,
    PaymentSeen,
    RefundSeen,
    ReversalSeen,
    TotalAsserted,
)
from paygw.kernel.orders import Attempt, Situation
from paygw.kernel.receipts import Receipt
from paygw.store import money
from paygw.store.cases import open_case
from paygw.store.messages import store_ignored
from paygw.store.situations import (
    Locked,
    Writes,
    apply,
    lock_by_attempt,
    lock_by_order,
    lock_receipt_key,
    read_held_reversals,
    read_purse,
)
from paygw.store.transfers import keep_aliases, lock_identity

_UNWRITTEN = frozenset({Verdict.UNKNOWN_ORDER, Verdict.MALFORMED})
_RACED = frozenset({"receipts_identity", "receipts_pk", "ledger_key", "events_fact"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A bank's message as received: kept byte for byte, found again by its digest."""

    digest: bytes = b""
    body: bytes = b""


async def credit(hub: Hub, bank: Bank, notice: Notice, message: Message) -> Verdict:
    """Apply everything a message says, in one transaction; the verdict on its money.

    A writer that lost a race for the same receipt looks again with everything read under locks.
    Raises Unavailable when it could not be made durable: the bank must send again.
    """
    for careful in (False, True, True):
        try:
            work = partial(_credit, hub, bank, notice, message, careful=careful)
            return await hub.transact(work)
        except asyncpg.UniqueViolationError as error:
            if error.constraint_name not in _RACED:
                raise
    raise Unavailable("the same money is being booked by others")


async def _credit(
    hub: Hub, bank: Bank, notice: Notice, message: Message, connection: Connection, *, careful: bool
) -> Verdict:
    scene = bank_scene(hub, bank, notice.authority)
    for account in sorted(observed_accounts(hub, bank, notice.evidence)):
        await lock_identity(connection, account)
    if careful or len(notice.evidence) > 1:
        await hold_concerned(connection, notice.evidence, scene)
    verdicts: list[Verdict] = []
    kept = message  # with the first piece that writes anything; the next ones are known by what they say, not by it
    for item in notice.evidence:
        its_own = replace(scene, new_id=new_id())
        if isinstance(item, PaymentSeen) and (is_observer(bank) or observed_account(hub, bank, item)):
            verdicts.append(await _sighted(hub, connection, bank, item, its_own, message))
        else:
            verdicts.append(await credit_item(hub, connection, item, its_own, message=kept, careful=careful))
            kept = kept if verdicts[-1] in _UNWRITTEN else Message()
    return max(verdicts, key=_severity, default=Verdict.IGNORED)


async def _sighted(
    hub: Hub, connection: Connection, bank: Bank, item: PaymentSeen, scene: Scene, message: Message
) -> Verdict:
    """A transfer that several may tell of: identity first, then what is new of it (hub/transfers.py)."""
    told = Told(now=scene.now, bank=bank.id, digest=message.digest or None)
    seen = Writes(evidence=[evidence_row(bank.id, item, authority=scene.authority, attempt_id=None, told=told)])
    if message.digest:
        seen.message = {"bank": bank.id, "digest": message.digest.hex(), "verdict": Verdict.ACCEPTED}
    await apply(connection, seen, message_body=message.body)
    account = observed_account(hub, bank, item)
    if account is None:
        detail = "an observer speaks of an account that is not in its list, or that no bank of ours is paid into"
        await open_case(connection, key=f"account:{bank.id}:{item.account}", kind="unknown_account", detail=detail)
        return Verdict.IGNORED
    sighting = await take_in(hub, connection, bank, account, item, scene.authority)
    verdicts = [await land(hub, connection, landed, scene.authority) for landed in sighting.landed]
    await keep_aliases(connection, sighting.credits)
    return max(verdicts, key=_severity, default=Verdict.ACCEPTED if sighting.is_new else Verdict.DUPLICATE)


async def land(hub: Hub, connection: Connection, landed: Landed, authority: Authority) -> Verdict:
    """Book, name or doubt one credit of an account, under the bank that owns it."""
    scene = replace(bank_scene(hub, landed.bank, authority), new_id=new_id())
    return await credit_item(hub, connection, landed.payment, scene, message=Message())


def _severity(verdict: Verdict) -> int:
    """Of several verdicts in one message the one that says most about money is answered."""
    order = (Verdict.IGNORED, Verdict.DUPLICATE, Verdict.ACCEPTED)
    return order.index(verdict) if verdict in order else len(order)


async def credit_item(
    hub: Hub, connection: Connection, item: Evidence, scene: Scene, *, message: Message, careful: bool = True
) -> Verdict:
    """Apply one piece of evidence inside the caller's transaction."""
    told = Told(
        now=scene.now,
        bank=scene.bank,
        bank_txn_id=getattr(item, "bank_txn_id", None),
        digest=message.digest or None,
    )
    if isinstance(item, PaymentSeen | AttemptSeen | TotalAsserted):
        return await _by_attempt(hub, connection, item, scene, told, message, careful=careful)
    if isinstance(item, DebitSeen):
        return await _debit_news(connection, item, scene, message)
    if isinstance(item, RefundSeen):
        return await _refund_news(hub, connection, item, scene, told, message)
    return await _by_receipt(hub, connection, item, scene, told, message)


async def _by_attempt(
    hub: Hub,
    connection: Connection,
    item: PaymentSeen | AttemptSeen | TotalAsserted,
    scene: Scene,
    told: Told,
    message: Message,
    *,
    careful: bool,
) -> Verdict:
    """Evidence that names our attempt; in the common case two statements: lock, write."""
    ref = item.attempt_ref or ""
    locked = await lock_by_attempt(connection, bank=scene.bank, merchant=scene.merchant, ref=ref, digest=message.digest)
    if locked.seen:
        return Verdict.DUPLICATE
    attempt = _attempt(locked.situation, scene, ref)
    key = receipt_key(item, scene) if isinstance(item, PaymentSeen) else None
    if attempt is None and key is not None:
        await lock_receipt_key(connection, key)
    if key is not None and (locked.held_reversals or attempt is None or careful):
        scene = replace(scene, held_reversals=await read_held_reversals(connection, key))
    if locked.receipt_count or careful or attempt is None:
        order = locked.situation.order
        purse = await read_purse(connection, order.id if order else None, key=key)
        locked = replace(locked, situation=replace(locked.situation, purse=purse))
    decision = _decide(locked.situation, attempt, item, scene)
    if decision is None:
        return Verdict.UNKNOWN_ORDER
    await _write(hub, connection, locked, decision, scene, told, (item, message, attempt))
    if isinstance(item, PaymentSeen) and key is not None:
        await _adopt_late(hub, connection, decision, key, scene, told)
    return decision.verdict


def _attempt(situation: Situation, scene: Scene, ref: str) -> Attempt | None:
    return next((a for a in situation.attempts if (a.bank, a.ref) == (scene.bank, ref)), None)


def _decide(
    situation: Situation, attempt: Attempt | None, item: PaymentSeen | AttemptSeen | TotalAsserted, scene: Scene
) -> Decision | None:
    if isinstance(item, PaymentSeen):
        key = receipt_key(item, scene)
        known = next((receipt for receipt in situation.purse.receipts if receipt.key == key), None)
        nameless = known is not None and known.order_id is None and situation.order is not None
        if known is not None and nameless and known.amount_vnd == item.amount_vnd:
            return _named(situation, known, attempt, scene)
        return see_payment(situation, attempt, item, scene)
    if attempt is None:
        return None
    if isinstance(item, AttemptSeen):
        return see_attempt(situation, attempt, item, scene)
    return see_total(situation, attempt, item)


def _named(situation: Situation, known: Receipt, attempt: Attempt | None, scene: Scene) -> Decision:
    """Money that came without a name gets one from a later observation."""
    others = tuple(receipt for receipt in situation.purse.receipts if receipt.id != known.id)
    without = replace(situation, purse=replace(situation.purse, receipts=others))
    return identify(without, known, attempt, scene)


async def _adopt_late(hub: Hub, connection: Connection, decision: Decision, key: str, scene: Scene, told: Told) -> None:
    """Row 5: money that came too late for its order may pay the live order of the same obligations."""
    receipt = next((r for r in decision.situation.purse.receipts if r.key == key), None)
    closed = decision.situation.order
    if receipt is None or closed is None or receipt.reason != "late" or not receipt.allocatable_vnd:
        return
    obligation_ids = [obligation.id for obligation in decision.situation.obligations]
    heir = await money.live_order_of(connection, obligation_ids, besides=closed.id)
    if heir is None:
        return
    locked = await lock_by_order(connection, heir)
    purse = await read_purse(connection, heir, receipt_id=receipt.id)
    kept = tuple(r for r in purse.receipts if r.id != receipt.id)
    situation = replace(locked.situation, purse=replace(purse, receipts=kept))
    adopted = adopt(situation, receipt, scene)
    if adopted is not None:
        before = replace(locked, situation=replace(situation, purse=situation.purse.put(receipt)))
        await apply(connection, writes_for(hub, before, adopted, replace(told, bank_txn_id=None)))


async def _by_receipt(
    hub: Hub, connection: Connection, item: ReversalSeen | DisputeSeen, scene: Scene, told: Told, message: Message
) -> Verdict:
    """Evidence about money that landed before (or has not yet): the order is where the receipt lives now."""
    key = receipt_key(item, scene)
    if key is None:
        return Verdict.MALFORMED
    locked = await _lock_home(connection, item.attempt_ref, key, scene, message)
    if locked.seen:
        return Verdict.DUPLICATE
    receipt = find_receipt(locked.situation.purse, item, scene)
    attempt = _attempt(locked.situation, scene, item.attempt_ref or "")
    extra = Writes()
    if isinstance(item, ReversalSeen):
        decision = see_reversal(locked.situation, item, scene)
        extra.reversals = [_reversal_row(item, key, scene)]
        if receipt is None and attempt is not None:
            await money.mark_held_reversal(connection, attempt.id)
    else:
        if receipt is None:
            return Verdict.UNKNOWN_ORDER
        known = await money.dispute_status(connection, scene.bank, item.dispute_id)
        status = DisputeNewsStatus(known) if known else None
        decision = see_dispute(locked.situation, item, scene, known=status, receipt=receipt)
        await money.keep_dispute(connection, scene.bank, item, receipt.id)
    await _write(hub, connection, locked, decision, scene, told, (item, message, attempt), extra)
    return decision.verdict


async def _lock_home(
    connection: Connection, attempt_ref: str | None, key: str, scene: Scene, message: Message
) -> Locked:
    """Lock the order a receipt lives in; before it has come, the order of the attempt that would bring it."""
    home = await money.order_of_receipt(connection, key)
    if home is None:
        locked = await lock_by_attempt(
            connection, bank=scene.bank, merchant=scene.merchant, ref=attempt_ref or "", digest=message.digest
        )
        if locked.situation.order is None:
            await lock_receipt_key(connection, key)
    else:
        locked = await lock_by_order(connection, home)
    order = locked.situation.order
    purse = await read_purse(connection, order.id if order else None, key=key)
    return replace(locked, situation=replace(locked.situation, purse=purse))


async def _debit_news(connection: Connection, item: DebitSeen, scene: Scene, message: Message) -> Verdict:
    """Row 21b: the statement books a debit; somebody looks at one we did not order as soon as it is told."""
    if message.digest:
        await store_ignored(connection, bank=scene.bank, digest=message.digest, body=message.body)
    account = item.account or scene.landing.account
    if not await money.is_ordered_debit(connection, account, item.amount_vnd):
        key = f"debit:{account}:{item.bank_txn_id or item.observed_id}"
        detail = f"{item.amount_vnd} VND left account {account[-4:]} and no payout or refund of ours is that"
        await open_case(connection, key=key, kind="debit", detail=detail)
    return Verdict.ACCEPTED


async def _refund_news(
    hub: Hub, connection: Connection, item: RefundSeen, scene: Scene, told: Told, message: Message
) -> Verdict:
    found = await money.refund_by_ref(connection, item.refund_ref)
    if found is None:
        return Verdict.UNKNOWN_ORDER
    locked = await lock_receipt(connection, found.receipt_id)
    refund = next(r for r in locked.situation.purse.refunds if r.id == found.refund_id)
    decision = see_refund(locked.situation, refund, item, scene)
    await _write(hub, connection, locked, decision, scene, replace(told, bank_txn_id=None), (item, message, None))
    return decision.verdict


def _reversal_row(item: ReversalSeen, key: str, scene: Scene) -> dict[str, object]:
    return {
        "bank": scene.bank,
        "reversal_id": item.reversal_id,
        "receipt_key": key,
        "attempt_ref": item.attempt_ref,
        "bank_txn_id": item.bank_txn_id,
        "amount_vnd": item.amount_vnd,
        "occurred_at": item.occurred_at,
    }


async def _write(
    hub: Hub,
    connection: Connection,
    locked: Locked,
    decision: Decision,
    scene: Scene,
    told: Told,
    source: tuple[Evidence, Message, Attempt | None],
    extra: Writes | None = None,
) -> None:
    item, message, attempt = source
    writes = writes_for(hub, locked, decision, told)
    writes.evidence = [
        evidence_row(scene.bank, item, authority=scene.authority, attempt_id=attempt.id if attempt else None, told=told)
    ]
    if extra is not None:
        writes.reversals = extra.reversals
    if message.digest:
        writes.message = {"bank": scene.bank, "digest": message.digest.hex(), "verdict": decision.verdict}
    await apply(connection, writes, message_body=message.body)
