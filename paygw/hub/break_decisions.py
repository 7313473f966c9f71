"""What two persons decide about a break: proposed with its content, approved by another one who saw just that.

The decision, the row of the money rules it calls for and the end of the break are one transaction: all or nothing.
Every action is a use case that exists by itself; its own checks and its own audit rows hold here too.
"""

import hmac
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Literal
from uuid import UUID

import asyncpg
import msgspec
from asyncpg import Connection, Record
from msgspec import Meta

from paygw.hub import cases
from paygw.hub.accounts import MovementAsk, declare_unclaimed, record_movement
from paygw.hub.breaks import break_uuid, content_hash, require_unresolved, show_break
from paygw.hub.credit import Message, credit
from paygw.hub.file_lines import find_line, line_evidence
from paygw.hub.finance import View
from paygw.hub.hub import Hub
from paygw.hub.persons import TwoPersons, decided_by_two, principal_of, require_checker, require_maker, tell_audit
from paygw.hub.refunds import UnappliedAsk, approve_refund, request_unapplied_refund
from paygw.hub.settlement import close_batch
from paygw.hub.unidentified import (
    CREDIT,
    Strange,
    book_credit,
    check_movement,
    is_strange,
    require_nothing_booked,
    solve_as_movement,
)
from paygw.hub.writing import new_id
from paygw.kernel.breaks import POLICIES, Action
from paygw.kernel.connector import Notice
from paygw.kernel.errors import Refused
from paygw.kernel.evidence import Authority
from paygw.kernel.refs import Kind, private_id
from paygw.store import breaks as store

_Id = Annotated[str, Meta(min_length=1, max_length=64)]
_Vnd = Annotated[int, Meta(ge=0, le=10**15)]


class Params(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What an action needs beside the break; each action names its own."""

    receipt_id: _Id = ""
    order_id: _Id = ""
    obligation_id: _Id = ""
    case: Annotated[str, Meta(max_length=200)] = ""
    amount_vnd: _Vnd = 0
    batch: Annotated[str, Meta(max_length=100)] = ""
    fee_vnd: _Vnd = 0
    net_vnd: _Vnd = 0
    event: Literal[
        "", "fee_topped_up", "debit_returned", "debit_known", "bank_charge", "interest", "prefunded", "claim_paid",
        "claim_opened",
    ] = ""  # fmt: skip
    holding: Annotated[str, Meta(max_length=100)] = ""
    party: Annotated[str, Meta(max_length=100)] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """An approved action: the hub inside the transaction, the break, what was proposed, and the two persons."""

    hub: Hub
    connection: Connection
    row: Record
    params: Params
    persons: TwoPersons


async def propose(
    hub: Hub, break_id: str, action: str, params: Mapping[str, object], *, document: str, by: str, via: str = "cli"
) -> View:
    """Propose an action. Raises Refused: `break_state`, `break_action`, `invalid_value`, `role_missing`."""
    if not document.strip():
        raise Refused("invalid_value", "Name the document both persons look at: its number and date.")
    work = partial(_propose, hub, break_uuid(break_id), _action(action), _params(params), document, by, via)
    try:
        await hub.transact(work)
    except asyncpg.UniqueViolationError:
        raise Refused("break_state", "A proposal for this break waits already.") from None
    return await show_break(hub, break_id)


async def _propose(
    hub: Hub, uid: UUID, action: Action, params: Params, document: str, by: str, via: str, connection: Connection
) -> None:
    await require_maker(connection, by)
    row = await require_unresolved(connection, uid)
    if action not in POLICIES[row["kind"]].actions:
        allowed = ", ".join(POLICIES[row["kind"]].actions)
        raise Refused("break_action", f"About {row['kind']} two persons may decide: {allowed}.")
    _require(action, params, row)
    content: View = {
        "break": str(uid),
        "kind": row["kind"],
        "book_amount_vnd": row["book_amount_vnd"],
        "statement_amount_vnd": row["statement_amount_vnd"],
        "action": action.value,
        "params": msgspec.to_builtins(params),
        "document": document.strip(),
    }
    text, digest = content_hash(content)
    await store.propose(
        connection, proposal_id=new_id(), break_id=uid, content=text, digest=digest, by=by, via=via, at=hub.clock()
    )
    await store.set_status(connection, uid, "proposed")
    await store.add_note(connection, uid, at=hub.clock(), person=by, action="proposed", text=f"{action}: {document}")
    await tell_audit(connection, principal_of(by), "break.proposed", str(uid), hash=digest)


async def approve(hub: Hub, break_id: str, *, by: str, shown: str, via: str = "cli") -> View:
    """Decide on exactly the content whose hash was shown; the money moves in the same transaction.

    Raises Refused: `break_state`, `stale_version` (another content), `same_person`, `role_missing`, the action's own.
    """
    await hub.transact(partial(_approve, hub, break_uuid(break_id), by, shown, via))
    return await show_break(hub, break_id)


async def _approve(hub: Hub, uid: UUID, by: str, shown: str, via: str, connection: Connection) -> None:
    proposal = await _waiting(connection, uid, by, via)
    _, digest = content_hash(msgspec.json.decode(proposal["content"], type=dict[str, object]))
    if not hmac.compare_digest(digest.encode(), shown.encode()) or digest != proposal["content_hash"]:
        raise Refused("stale_version", "That is not the proposal as it stands: look at it again.")
    content = msgspec.json.decode(proposal["content"], type=dict[str, object])
    params = msgspec.convert(content["params"], Params)
    action = Action(str(content["action"]))
    row = await store.find_break(connection, uid)
    if row is None:
        raise Refused("not_found", "There is no such break.")
    persons = TwoPersons(maker=proposal["proposed_by"], checker=by, document=str(content["document"]))
    await decided_by_two(connection, persons, "break.approved", str(uid), hash=digest, decided=action.value)
    inside = Decision(hub=hub.within(connection), connection=connection, row=row, params=params, persons=persons)
    await _DO[action](inside)
    await require_unresolved(connection, uid)  # the last lock, after those of the money
    now, text = hub.clock(), f"{action}: {persons.document}"
    if not await store.decide(connection, proposal["id"], status="approved", by=by, at=now):
        raise Refused("proposal_decided", "Somebody decided meanwhile.")
    await store.add_note(connection, uid, at=now, person=by, action="approved", text=text)
    await store.resolve(connection, uid, at=now, resolution=text, automatic=False)


async def reject(hub: Hub, break_id: str, *, by: str, reason: str = "", via: str = "cli") -> View:
    """Send a proposal back; the break is open again."""

    async def work(connection: Connection) -> None:
        uid = break_uuid(break_id)
        proposal = await _waiting(connection, uid, by, via)
        await require_checker(connection, by)
        await require_unresolved(connection, uid)
        if not await store.decide(connection, proposal["id"], status="rejected", by=by, at=hub.clock()):
            raise Refused("proposal_decided", "Somebody decided meanwhile.")
        await store.set_status(connection, uid, "open")
        await store.add_note(connection, uid, at=hub.clock(), person=by, action="rejected", text=reason)
        await tell_audit(connection, principal_of(by), "break.rejected", str(uid))

    await hub.transact(work)
    return await show_break(hub, break_id)


async def _waiting(connection: Connection, uid: UUID, by: str, via: str) -> Record:
    proposal = await store.open_proposal(connection, uid)
    if proposal is None:
        raise Refused("break_state", "No proposal for this break waits for a decision.")
    if proposal["proposed_by"] == by:
        raise Refused("same_person", "A second person must decide.")
    if proposal["proposed_via"] == via and via.startswith("key:"):
        raise Refused("same_person", "Who proposed by one API key is decided on by another key, or at the console.")
    return proposal


def _action(text: str) -> Action:
    try:
        return Action(text)
    except ValueError:
        raise Refused("break_action", f"The actions are: {', '.join(Action)}.") from None


def _params(given: Mapping[str, object]) -> Params:
    try:
        return msgspec.convert(dict(given), Params)
    except msgspec.ValidationError as error:
        raise Refused("invalid_value", f"{error}. Parameters are: {', '.join(Params.__struct_fields__)}.") from None


_NEEDS: Mapping[Action, tuple[str, ...]] = {
    Action.EXPLAIN: (),
    Action.BOOK_LINE: (),
    Action.DISPROVE: ("receipt_id",),
    Action.IDENTIFY: ("receipt_id", "order_id"),
    Action.REFUND: ("receipt_id", "amount_vnd"),
    Action.UNCLAIMED: ("receipt_id",),
    Action.THAW: ("receipt_id",),
    Action.RELEASE: ("order_id", "obligation_id"),
    Action.CLOSE_BATCH: ("batch", "net_vnd"),
    Action.MOVEMENT: ("event", "holding", "amount_vnd"),
}
_NEEDS_OF_LINE: tuple[str, ...] = ("event",)  # a line of an account: the break knows where, and how much


def _require(action: Action, params: Params, row: Record) -> None:
    of_line = action is Action.MOVEMENT and is_strange(row)
    missing = [name for name in (_NEEDS_OF_LINE if of_line else _NEEDS[action]) if not getattr(params, name)]
    if missing:
        raise Refused("invalid_value", f"The action {action} needs: {', '.join(missing)}.")
    if of_line:
        check_movement(row, params.event, params.amount_vnd, params.party)


def _uid(kind: Kind, text: str) -> str:
    uid = private_id(kind, text)
    if uid is None:
        raise Refused("not_found", f"An id looks like {kind}_ and 32 digits.")
    return uid


async def _explain(it: Decision) -> None:
    await require_nothing_booked(Strange(hub=it.hub, row=it.row), it.connection)
    if it.params.case:
        await cases.settle_case(it.hub, it.params.case, persons=it.persons)


async def _book_line(it: Decision) -> None:
    """Rows 18 and 21: the line as evidence, on the word of two persons who saw the document."""
    if it.row["kind"] == CREDIT:
        await book_credit(Strange(hub=it.hub, row=it.row), connection=it.connection)
        return
    told = {name: it.row[name] for name in ("bank", "day", "bank_txn_id", "ref")}
    line = await find_line(it.hub, it.connection, **told)
    if line is None:
        raise Refused("not_found", "No line of that day's files bears this reference.")
    bank = it.hub.registry.banks.get(line.bank)
    if bank is None:
        raise Refused("bank_unknown", "That bank is not configured here any more.")
    item = await line_evidence(it.connection, line)
    await credit(it.hub, bank, Notice(evidence=(item,), authority=Authority.SETTLEMENT), Message())


async def _disprove(it: Decision) -> None:
    case = f"break:{it.row['id']}"
    await cases.disprove_receipt(it.hub, _uid("rcp", it.params.receipt_id), case, persons=it.persons)


async def _identify(it: Decision) -> None:
    receipt, order = _uid("rcp", it.params.receipt_id), _uid("ord", it.params.order_id)
    await cases.identify_receipt(it.hub, receipt, order, persons=it.persons)


async def _refund(it: Decision) -> None:
    ask = UnappliedAsk(
        receipt_id=_uid("rcp", it.params.receipt_id), amount_vnd=it.params.amount_vnd, reason=it.persons.document
    )
    asked = await request_unapplied_refund(
        it.hub, principal_of(it.persons.maker), ask, key=f"break:{it.row['id']}:{it.params.receipt_id}"
    )
    refund_id = _uid("rfd", msgspec.json.decode(asked.body)["id"])
    await approve_refund(it.hub, refund_id, by=it.persons.checker)


async def _unclaimed(it: Decision) -> None:
    await declare_unclaimed(it.hub, _uid("rcp", it.params.receipt_id), persons=it.persons)


async def _thaw(it: Decision) -> None:
    await cases.thaw_receipt(it.hub, _uid("rcp", it.params.receipt_id), persons=it.persons)


async def _release(it: Decision) -> None:
    order, obligation = _uid("ord", it.params.order_id), _uid("obl", it.params.obligation_id)
    await cases.release(it.hub, order, obligation, persons=it.persons)


async def _close_batch(it: Decision) -> None:
    bank = it.hub.registry.banks.get(it.row["bank"])
    if bank is None:
        raise Refused("bank_unknown", "That bank is not configured here any more.")
    closed = await close_batch(it.hub, bank, it.params.batch, fee_vnd=it.params.fee_vnd, net_vnd=it.params.net_vnd)
    if closed == "differs":
        raise Refused("settlement_differs", "With these figures the batch still differs from its lines.")


async def _movement(it: Decision) -> None:
    if not it.params.event:
        raise Refused("invalid_value", "Name the movement.")
    if is_strange(it.row):
        strange = Strange(hub=it.hub, row=it.row)
        event, party = it.params.event, it.params.party
        await solve_as_movement(strange, event, party, persons=it.persons, connection=it.connection)
        return
    ask = MovementAsk(
        event=it.params.event,
        key=f"break:{it.row['id']}",
        holding=it.params.holding,
        amount_vnd=it.params.amount_vnd,
        party=it.params.party,
    )
    await record_movement(it.hub, ask, persons=it.persons)


_DO: Mapping[Action, Callable[[Decision], Awaitable[None]]] = {
    Action.EXPLAIN: _explain,
    Action.BOOK_LINE: _book_line,
    Action.DISPROVE: _disprove,
    Action.IDENTIFY: _identify,
    Action.REFUND: _refund,
    Action.UNCLAIMED: _unclaimed,
    Action.THAW: _thaw,
    Action.RELEASE: _release,
    Action.CLOSE_BATCH: _close_batch,
    Action.MOVEMENT: _movement,
}
