"""Breaks as people work on them: a list with ages and clocks, an owner, comments; found anew every night."""

import dataclasses
import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from functools import partial
from uuid import UUID

import msgspec
from asyncpg import Connection, Record

from paygw.hub.days import break_due, calendar_of, local_day
from paygw.hub.finance import View
from paygw.hub.hub import Hub
from paygw.hub.persons import principal_of, tell_audit
from paygw.hub.views import instant
from paygw.hub.writing import new_id
from paygw.kernel.break_words import WORDS
from paygw.kernel.breaks import POLICIES, Action, Automatic, escalated
from paygw.kernel.errors import Refused
from paygw.kernel.refs import private_id, public_id
from paygw.store import breaks as store
from paygw.store.persons import role_of

TEXT_CHARS_MAX = 1_000
_PLAIN = (
    "kind", "bank", "ref", "bank_txn_id", "book_amount_vnd", "statement_amount_vnd", "risk_vnd", "detail", "owner",
    "status", "resolution", "automatic",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A difference as the night found it. `subject` tells it from others of its kind, bank and day."""

    kind: str
    subject: str
    detail: str
    ref: str = ""
    bank_txn_id: str = ""
    book_amount_vnd: int | None = None
    statement_amount_vnd: int | None = None

    @property
    def risk_vnd(self) -> int:
        """The value at risk: what the sides differ by, or all of it where they agree on the sum."""
        book_vnd, statement_vnd = self.book_amount_vnd or 0, self.statement_amount_vnd or 0
        return abs(book_vnd - statement_vnd) or statement_vnd

    def key(self, bank: str, day: date) -> str:
        """One row for ever: kind, bank, day and what it is about."""
        return f"{self.kind}:{bank}:{day}:{self.subject}"


async def keep_breaks(hub: Hub, connection: Connection, bank: str, day: date, found: Iterable[Found]) -> int:
    """Open what is new; how many. What was known stays as it is."""
    now, opened = hub.clock(), 0
    for one in sorted(found, key=lambda one: one.key(bank, day)):
        new = store.NewBreak(
            id=new_id(),
            key=one.key(bank, day),
            kind=one.kind,
            bank=bank,
            day=day,
            ref=one.ref,
            bank_txn_id=one.bank_txn_id,
            book_amount_vnd=one.book_amount_vnd,
            statement_amount_vnd=one.statement_amount_vnd,
            risk_vnd=one.risk_vnd,
            detail=one.detail,
            opened_at=now,
            due_on=break_due(one.kind, now),
        )
        opened += await store.open_break(connection, new)
    return opened


async def close_gone(
    hub: Hub, connection: Connection, bank: str, day: date, *, kinds: Iterable[str], found: Iterable[Found]
) -> int:
    """Close, by itself, open breaks of a day that are no longer there; a proposed one waits for its decision."""
    still = [one.key(bank, day) for one in found]
    gone = await store.open_ones_gone(connection, bank, day, kinds=sorted(set(kinds)), still=still)
    return await _end(hub, connection, gone)


async def close_keys(hub: Hub, connection: Connection, keys: Collection[str]) -> int:
    """Close, by itself, open breaks by their keys; a proposed one waits for its decision."""
    return await _end(hub, connection, await store.open_by_keys(connection, keys))


async def _end(hub: Hub, connection: Connection, gone: Collection[UUID]) -> int:
    now, text = hub.clock(), "đối soát lại không còn thấy (the night no longer finds it)"
    for break_id in gone:
        if await store.resolve(connection, break_id, at=now, resolution=text, automatic=True):
            await store.add_note(connection, break_id, at=now, person="night", action="resolved", text=text)
    return len(gone)


async def list_breaks(
    hub: Hub,
    *,
    status: str | None = None,
    bank: str | None = None,
    day: date | None = None,
    kind: str | None = None,
    after: str | None = None,
    limit: int = 100,
) -> View:
    """A page of breaks, oldest first. Raises Refused `bad_cursor`."""
    place = private_id("brk", after) if after else None
    if after and place is None:
        raise Refused("bad_cursor", "Use the `next` of the page before as it is.")
    async with hub.pool.acquire() as connection:
        rows = await store.list_breaks(
            connection,
            status=status,
            bank=bank,
            day=day,
            kind=kind,
            after=UUID(place) if place else None,
            limit=limit + 1,
        )
    page = [break_view(hub, row) for row in rows[:limit]]
    return {"items": page, "next": page[-1]["id"] if len(rows) > limit else None}


async def show_break(hub: Hub, break_id: str) -> View:
    """One break with its history, what may be done about it, the proposal that waits. Raises Refused `not_found`."""
    uid = break_uuid(break_id)
    async with hub.pool.acquire() as connection:
        row = await store.find_break(connection, uid)
        notes = await store.notes_of(connection, uid)
        suggested = await _suggested(connection, row) if row is not None else None
    if row is None:
        raise Refused("not_found", "There is no such break.")
    history = [{**dict(note), "at": instant(note["at"])} for note in notes]
    policy = POLICIES[row["kind"]]
    return {
        **break_view(hub, row),
        **dataclasses.asdict(WORDS[row["kind"]]),
        "by_itself": policy.automatic.value,
        "actions": [action.value for action in policy.actions],
        "suggested": suggested,
        "history": history,
    }


async def _suggested(connection: Connection, row: Record) -> View | None:
    """What the rules would do where they may propose only: give back what the receipt still holds.

    Of two payments of one order that may be the other one than the file names: which of them pays is our decision.
    """
    if POLICIES[row["kind"]].automatic is not Automatic.PROPOSE or row["status"] != "open" or row["receipt_id"] is None:
        return None
    found = await store.unapplied_of(connection, row["receipt_id"])
    if found is None:
        return None
    params = {"receipt_id": public_id("rcp", str(found["id"])), "amount_vnd": found["vnd"]}
    return {"action": Action.REFUND.value, "params": params}


async def assign(hub: Hub, break_id: str, owner: str, *, by: str) -> View:
    """Give a break to a person. Raises Refused `not_found`, `role_missing`, `break_state`."""
    await hub.transact(partial(_assign, hub, break_uuid(break_id), owner, by))
    return await show_break(hub, break_id)


async def _assign(hub: Hub, break_id: UUID, owner: str, by: str, connection: Connection) -> None:
    await require_person(connection, by)
    await require_person(connection, owner)
    await require_unresolved(connection, break_id)
    await store.set_owner(connection, break_id, owner)
    await _note(hub, connection, break_id, by, "assigned", owner)


async def comment(hub: Hub, break_id: str, text: str, *, by: str) -> View:
    """Add a comment; it stays for ever. No personal data belongs in it."""
    await hub.transact(partial(_comment, hub, break_uuid(break_id), text, by))
    return await show_break(hub, break_id)


async def _comment(hub: Hub, break_id: UUID, text: str, by: str, connection: Connection) -> None:
    if not 0 < len(text.strip()) <= TEXT_CHARS_MAX:
        raise Refused("invalid_value", f"A comment has 1 to {TEXT_CHARS_MAX} characters.")
    await require_person(connection, by)
    if await store.lock_break(connection, break_id) is None:
        raise Refused("not_found", "There is no such break.")
    await _note(hub, connection, break_id, by, "commented", text.strip())


async def require_person(connection: Connection, person_id: str) -> None:
    """Raise Refused `role_missing` for somebody who is not on the staff."""
    if await role_of(connection, person_id) is None:
        raise Refused("role_missing", f"Nobody on the staff is called {person_id!r}: paygw person list shows them.")


async def require_unresolved(connection: Connection, break_id: UUID) -> Record:
    """Lock a break that is not closed. Raises Refused `not_found`, `break_state`."""
    row = await store.lock_break(connection, break_id)
    if row is None:
        raise Refused("not_found", "There is no such break.")
    if row["status"] == "resolved":
        raise Refused("break_state", f"The break is resolved: {row['resolution']}")
    return row


async def _note(hub: Hub, connection: Connection, break_id: UUID, by: str, action: str, text: str) -> None:
    await store.add_note(connection, break_id, at=hub.clock(), person=by, action=action, text=text)
    await tell_audit(connection, principal_of(by), f"break.{action}", str(break_id))


def break_uuid(text: str) -> UUID:
    """The uuid behind `brk_…`. Raises Refused `not_found`."""
    uid = private_id("brk", text)
    if uid is None:
        raise Refused("not_found", "A break's id looks like brk_ and 32 digits: paygw breaks list shows them.")
    return UUID(uid)


def content_hash(content: View) -> tuple[str, str]:
    """Canonical JSON of a proposal and the digest that an approval is bound to."""
    text = msgspec.json.encode(content, order="deterministic").decode()
    return text, hashlib.sha256(text.encode()).hexdigest()


def break_view(hub: Hub, row: Record) -> View:
    """A break as it is listed."""
    now = hub.clock()
    today, opened = local_day(now), local_day(row["opened_at"])
    open_still = row["status"] != "resolved"
    return {
        "id": public_id("brk", str(row["id"])),
        **{name: row[name] for name in _PLAIN},
        "name_vi": WORDS[row["kind"]].name_vi,
        "name_en": WORDS[row["kind"]].name_en,
        "day": row["day"].isoformat(),
        "order_id": public_id("ord", str(row["order_id"])) if row["order_id"] else None,
        "receipt_id": public_id("rcp", str(row["receipt_id"])) if row["receipt_id"] else None,
        "opened_at": instant(row["opened_at"]),
        "age_days": (today - opened).days,
        "due_on": row["due_on"].isoformat(),
        "overdue": open_still and today > row["due_on"],
        "escalated": open_still and _escalated(opened, today),
        "proposal": _proposal(row),
    }


def _escalated(opened: date, today: date) -> bool:
    try:
        return escalated(opened, today, calendar_of("agency"))
    except Refused:  # a year nobody has entered yet
        return True


def _proposal(row: Record) -> View | None:
    if row["proposal_id"] is None:
        return None
    content = msgspec.json.decode(row["proposal"], type=dict[str, object])
    return {"by": row["proposed_by"], "content": content, "content_hash": row["content_hash"]}


def is_paged(kind: str) -> bool:
    """Whether somebody is called at once."""
    return POLICIES[kind].automatic is Automatic.PAGE
