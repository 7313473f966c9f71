"""Batches of payment orders: one person proposes, another approves exactly that; exported once, confirmed, returned.

Three kinds share this life: slices to their owners, what came back and goes again, refunds by transfer.
"""

import hashlib
import hmac
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date, timedelta
from functools import partial
from typing import Any, Final
from uuid import UUID

import msgspec
from asyncpg import Connection, Record

from paygw.hub.breaks import content_hash
from paygw.hub.days import local_day, working_day
from paygw.hub.finance import View
from paygw.hub.hub import Hub
from paygw.hub.payment_orders import (
    Content,
    News,
    OrderKind,
    PaymentOrder,
    State,
    end_to_end_id,
    message_id,
    transfer_of,
)
from paygw.hub.payout_refunds import REFUNDS, TransferAsk, refunds_to_pay
from paygw.hub.payout_slices import AGAIN, SLICES, slices_again, slices_due
from paygw.hub.persons import TwoPersons, principal_of, require_checker, require_maker, tell_audit
from paygw.hub.writing import new_id
from paygw.kernel.decide import VIETNAM
from paygw.kernel.errors import Alarm, Refused
from paygw.kernel.refs import public_id
from paygw.outside.pain001 import Party, build
from paygw.store import payouts as store
from paygw.store.breaks import open_one_of
from paygw.store.restores import is_held

KINDS: Final[Mapping[str, OrderKind]] = {"slices": SLICES, "again": AGAIN, "refunds": REFUNDS}


async def propose_payout(
    hub: Hub, account: str, *, by: str, beneficiary: str | None = None, until: date | None = None, via: str = "cli"
) -> View:
    """Everything that can leave an account. Raises Refused: `receipt_held`, `nothing_selected`, `payee_missing`."""
    if hub.settings.funds != "custody":
        raise Refused("receipt_held", "In routing mode the hub holds no money: providers pay the bodies themselves.")
    last = until or local_day(hub.clock())

    async def content(connection: Connection, _: str) -> View:
        bodies = hub.registry.bodies
        found = await slices_due(connection, account, bodies, beneficiary=beneficiary, until=last)
        return await _with_rested_payees(hub, connection, found)

    return await _propose(hub, "slices", content, by=by, via=via)


async def propose_again(hub: Hub, batch_id: str, group: int, *, by: str, via: str = "cli") -> View:
    """What came back of an order, as a batch of its own. Raises Refused: `disbursement_state`, `payee_missing`."""

    async def content(connection: Connection, _: str) -> View:
        row = await batch_of(connection, batch_id)
        if row["kind"] == "refunds":
            raise Refused("payout_state", "A refund that came back is owed to its payer: ask for a new refund of it.")
        found = await slices_again(connection, _content(row), group, hub.registry.bodies)
        return await _with_rested_payees(hub, connection, found)

    return await _propose(hub, "again", content, by=by, via=via)


async def _with_rested_payees(hub: Hub, connection: Connection, content: View) -> View:
    """Money goes to a new or changed account only after a rest, time enough for its owner to object (live mode)."""
    if hub.settings.mode == "live":
        since = hub.clock() - timedelta(seconds=hub.settings.payee_rest_s)
        young = await store.payees_set_after(connection, sorted(content["payees"]), since)
        if young:
            raise Refused("payee_resting", f"Their accounts are too new for money to go there: {', '.join(young)}.")
    return content


async def propose_refunds(hub: Hub, asks: Sequence[TransferAsk], *, by: str, via: str = "cli") -> View:
    """Funded refunds by transfer. Raises Refused: `refund_route`, `refund_state`, `receipt_not_settled`."""

    async def content(connection: Connection, new: str) -> View:
        return await refunds_to_pay(hub, connection, new, asks)

    return await _propose(hub, "refunds", content, by=by, via=via)


async def _propose(
    hub: Hub, kind: str, content: Callable[[Connection, str], Awaitable[View]], *, by: str, via: str
) -> View:
    batch_id = new_id()

    async def work(connection: Connection) -> None:
        await require_maker(connection, by)
        whole = {"batch": batch_id, **await content(connection, batch_id)}
        text, digest = content_hash(whole)
        await store.propose(
            connection,
            batch_id=batch_id,
            kind=kind,
            account=whole["account"],
            content=text,
            digest=digest,
            total_vnd=sum(order.amount_vnd for order in KINDS[kind].orders(hub, whole)),
            by=by,
            via=via,
            at=hub.clock(),
        )
        await tell_audit(connection, principal_of(by), "payout.proposed", batch_id, kind=kind, hash=digest)

    await hub.transact(work)
    return await show_payout(hub, batch_id)


async def approve_payout(hub: Hub, batch_id: str, *, by: str, shown: str, document: str, via: str = "cli") -> View:
    """Post every order, or none.

    Raises Refused: `payout_state`, `stale_version`, `same_person`, `account_stopped`, the kernel's.
    """
    await hub.transact(partial(_approve, hub, batch_id, by, shown, document, via))
    return await show_payout(hub, batch_id)


async def _approve(
    hub: Hub, batch_id: str, by: str, shown: str, document: str, via: str, connection: Connection
) -> None:
    if not document.strip():
        raise Refused("invalid_value", "Name the document both persons look at: its number and date.")
    row = await batch_of(connection, batch_id)
    _require_other(row, by, via)
    if not hmac.compare_digest(row["content_hash"].encode(), shown.encode()):
        raise Refused("stale_version", "That is not the batch as it stands: look at it again.")
    await _require_no_strange_debit(hub, connection, row["account"])
    persons = TwoPersons(maker=row["proposed_by"], checker=by, document=document)
    await KINDS[row["kind"]].post(hub.within(connection), connection, _content(row), persons)
    if not await store.decide(connection, row["batch_id"], status="approved", by=by, at=hub.clock()):
        raise Refused("payout_state", "Somebody decided meanwhile.")
    await tell_audit(connection, principal_of(by), "payout.approved", batch_id, hash=shown, document=document)


async def _require_no_strange_debit(hub: Hub, connection: Connection, account: str) -> None:
    """Row 21b: nothing leaves an account from which money went unexplained, before two persons have solved that."""
    banks = [bank.id for bank in hub.registry.banks.values() if bank.landing.account == account]
    strange = await open_one_of(connection, banks, "unidentified_debit")
    if strange is not None:
        name = public_id("brk", str(strange))
        raise Refused("account_stopped", f"Money left this account unexplained: solve the break {name} first.")


async def reject_payout(hub: Hub, batch_id: str, *, by: str, via: str = "cli") -> View:
    """Drop a proposed batch."""

    async def work(connection: Connection) -> None:
        row = await batch_of(connection, batch_id)
        _require_other(row, by, via)
        await require_checker(connection, by)
        if not await store.decide(connection, row["batch_id"], status="rejected", by=by, at=hub.clock()):
            raise Refused("payout_state", f"The batch is {row['status']}.")
        await tell_audit(connection, principal_of(by), "payout.rejected", batch_id)

    await hub.transact(work)
    return await show_payout(hub, batch_id)


async def export_payout(hub: Hub, batch_id: str, *, by: str) -> bytes:
    """The payment orders as pain.001.001.09; again gives the same bytes. Raises Refused `payout_state`, `restored`."""
    return await hub.transact(partial(_export, hub, _uuid(batch_id), by))


async def _export(hub: Hub, uid: UUID, by: str, connection: Connection) -> bytes:
    await require_maker(connection, by)
    row = await store.lock_payout(connection, uid)
    if row is None or row["status"] not in {"approved", "exported"}:
        raise Refused("payout_state", "Only an approved batch is exported.")
    if not hub.settings.operator_bank:
        raise Refused("invalid_value", "Say which bank keeps the account: set PAYGW_OPERATOR_BANK to its BIC or code.")
    if await is_held(connection):
        raise Refused(
            "restored",
            "This database was restored: see at the bank whether the batch was sent, then paygw restore --release.",
        )
    made_at = row["decided_at"].astimezone(VIETNAM)
    debtor = Party(name=hub.settings.operator_name, account=row["account"], bank=hub.settings.operator_bank)
    made = build(
        message_id(uid),
        [transfer_of(uid, order) for order in orders_of(hub, row)],
        debtor=debtor,
        made_at=made_at,
        on=working_day(made_at.date()),
        initiator=hub.settings.operator_name,
    )
    digest = hashlib.sha256(made).hexdigest()
    if not await store.mark_exported(connection, uid, digest=digest, at=hub.clock()):
        raise Refused("payout_state", "Another file was made of this batch: the settings of the debtor have changed.")
    await tell_audit(connection, principal_of(by), "payout.exported", str(uid), digest=digest)
    return made


async def confirm_group(hub: Hub, batch_id: str, group: int, *, by: str) -> View:
    """The bank paid one payment order of slices (row 23). Again is nothing. Raises Refused `payout_state`."""
    await hub.transact(partial(_for_group, hub, batch_id, group, by, "confirmed"))
    return await show_payout(hub, batch_id)


async def return_group(hub: Hub, batch_id: str, group: int, *, by: str) -> View:
    """A payment order of slices came back (row 23): its money waits for the right account."""
    await hub.transact(partial(_for_group, hub, batch_id, group, by, "returned"))
    return await show_payout(hub, batch_id)


async def _for_group(hub: Hub, batch_id: str, group: int, by: str, news: News, connection: Connection) -> None:
    await require_maker(connection, by)
    row = await batch_of(connection, batch_id)
    if row["kind"] == "refunds":
        raise Refused(
            "payout_state", "Of a refund the statement tells, or two persons: paygw decide propose report_refund."
        )
    order = order_of(hub, row, group)
    await tell_order(hub, connection, row, order, news)
    await tell_audit(connection, principal_of(by), f"payout.{news}", f"{row['batch_id']}:{group}")


def order_of(hub: Hub, row: Record, group: int) -> PaymentOrder:
    """One order of an exported batch. Raises Refused `payout_state`, `not_found`."""
    if row["status"] != "exported":
        raise Refused("payout_state", "Only payment orders of an exported batch are confirmed or returned.")
    orders = orders_of(hub, row)
    if not 0 < group <= len(orders):
        raise Refused("not_found", f"The batch has payment orders 1 to {len(orders)}.")
    return orders[group - 1]


async def tell_order(hub: Hub, connection: Connection, row: Record, order: PaymentOrder, news: News) -> None:
    """Book what became of an order. Raises Refused where it went another way before."""
    await KINDS[row["kind"]].tell(hub.within(connection), connection, _content(row), order, news)


async def order_states(connection: Connection, row: Record, order: PaymentOrder) -> dict[State, int]:
    """How many entries of an order are sent, confirmed, returned."""
    return await KINDS[row["kind"]].states(connection, _content(row), order)


async def show_payout(hub: Hub, batch_id: str) -> View:
    """A batch with its payment orders, their states and its hash. Raises Refused `not_found`."""
    async with hub.pool.acquire() as connection:
        row = await batch_of(connection, batch_id)
        orders = [await _shown(connection, row, order) for order in orders_of(hub, row)]
    names = ("kind", "account", "status", "total_vnd", "content_hash", "proposed_by", "decided_by")
    return {"batch": batch_id, **{name: row[name] for name in names}, "orders": orders}


async def _shown(connection: Connection, row: Record, order: PaymentOrder) -> View:
    return {
        "group": order.group,
        "amount_vnd": order.amount_vnd,
        "end_to_end_id": end_to_end_id(row["batch_id"], order.group),
        **order.facts,
        "states": await order_states(connection, row, order),
    }


async def list_payouts(hub: Hub, *, limit: int = 100) -> list[View]:
    """The latest batches."""
    async with hub.pool.acquire() as connection:
        rows = await store.list_payouts(connection, limit)
    return [{**dict(row), "batch_id": str(row["batch_id"])} for row in rows]


def orders_of(hub: Hub, row: Record) -> list[PaymentOrder]:
    """The payment orders of a batch."""
    return KINDS[row["kind"]].orders(hub, _content(row))


def _content(row: Record) -> Content:
    """What was proposed. Raises Alarm for one that is not what two persons saw: nothing of it is posted or leaves."""
    content = msgspec.json.decode(row["content"], type=dict[str, Any])
    if content_hash(content)[1] != row["content_hash"]:
        raise Alarm(f"the batch {row['batch_id']} does not hold what was proposed: stop, and look at it with the audit")
    return content


async def batch_of(connection: Connection, batch_id: str) -> Record:
    """A batch by its id. Raises Refused `not_found`."""
    row = await store.find_payout(connection, _uuid(batch_id))
    if row is None:
        raise Refused("not_found", "There is no such batch.")
    return row


def _require_other(row: Record, by: str, via: str) -> None:
    if row["status"] != "proposed":
        raise Refused("payout_state", f"The batch is {row['status']}.")
    if row["proposed_by"] == by:
        raise Refused("same_person", "A second person must decide.")
    if row["proposed_via"] == via and via.startswith("key:"):
        raise Refused("same_person", "Who proposed by one API key is decided on by another key, or at the console.")


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Refused("not_found", "A batch has a uuid: paygw disburse list shows them.") from None
