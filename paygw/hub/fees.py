"""The life of a tariff version: drafted, reviewed by another person, published by another person than drafted it.

What a version says never changes. Publishing brings it into force on the legal dates of its window, so a version
that begins tomorrow switches at local midnight by itself. It is refused where another version is in force, unless it
is told to supersede that one, and where an order was already priced by rules it would change.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial

import msgspec
from asyncpg import Connection, Record

from paygw.hub.hub import Hub
from paygw.hub.tariffs import draft_values, load_tariffs, open_end
from paygw.kernel.errors import Refused
from paygw.kernel.fees.dates import LAST_DAY, Window, day_after, day_before
from paygw.kernel.fees.differences import changed_windows
from paygw.kernel.fees.select import NATIONAL
from paygw.kernel.fees.versions import versions_of
from paygw.store import fees as store
from paygw.store.audit import AuditRow, add_audit
from paygw.store.persons import role_of

Shown = dict[str, object]

PREFIX_CHARS_MIN = 6

_DRAFTERS = frozenset({"clerk", "admin", "approver"})
_DECIDERS = frozenset({"approver", "admin"})
_SURE = "verified"


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """How to publish: by whom, whether to end what is in force, which confidence is good enough besides `verified`."""

    by: str
    supersede: bool = False
    accept: frozenset[str] = frozenset()


async def load_versions(hub: Hub, sources: Mapping[str, str], *, by: str) -> list[Shown]:
    """Keep every schedule of these files as a draft; known ones stay what they are. Raises BadCatalogue, Refused."""
    versions = versions_of(sources)
    if not versions:
        raise Refused("invalid_value", "There is no schedule in these files: name the file that holds the tariffs.")

    async def work(connection: Connection) -> list[Shown]:
        await _require_role(hub, connection, by, _DRAFTERS)
        rows = []
        for version in versions:
            if await store.add_draft(connection, draft_values(version), by=by, at=hub.clock()):
                await _tell(connection, by, "drafted", version.digest, schedule=version.schedule)
            rows += await store.find_versions(connection, prefix=version.digest)
        return [view(row) for row in rows]

    return await hub.transact(work)


async def list_versions(hub: Hub, *, prefix: str = "", procedure: str = "", state: str = "") -> list[Record]:
    """Rows of versions by what is asked for."""
    async with hub.pool.acquire() as connection:
        return await store.find_versions(connection, prefix=prefix, procedure=procedure, state=state)


async def review(hub: Hub, prefix: str, *, by: str) -> Shown:
    """Say, as another person than drafted it, that a draft says what the law says."""

    async def work(connection: Connection) -> Shown:
        row = await find_version(connection, prefix)
        if row["state"] != "draft":
            raise Refused("version_state", f"Version {row['digest'][:12]} is {row['state']}: only a draft is reviewed.")
        await _require_second(hub, connection, row, by)
        await store.set_reviewed(connection, row["digest"], by=by, at=hub.clock())
        await _tell(connection, by, "reviewed", row["digest"], schedule=row["schedule"])
        return view(await find_version(connection, row["digest"]))

    return await hub.transact(work)


async def publish(hub: Hub, prefix: str, how: Publication) -> Shown:
    """Bring a reviewed version into force.

    Raises Refused: version_state, same_person, role_missing, version_unverified, version_overlaps, version_frozen.
    """
    shown = await hub.transact(partial(_publish, hub, prefix, how))
    await load_tariffs(hub)
    return shown


def view(row: Record) -> Shown:
    """A version as people see it."""
    names = ("procedure", "schedule", "jurisdiction", "effective_from", "effective_to", "state", "confidence")
    people = ("drafted_by", "reviewed_by", "published_by", "in_force", "name", "code_status", "schedule_hash")
    return {"version": row["digest"], **{name: _plain(row[name]) for name in (*names, *people)}}


async def find_version(connection: Connection, prefix: str) -> Record:
    """The one version whose digest begins like this. Raises Refused not_found."""
    is_prefix = len(prefix) >= PREFIX_CHARS_MIN and set(prefix) <= set("0123456789abcdef")
    rows = await store.find_versions(connection, prefix=prefix) if is_prefix else []
    if len(rows) != 1:
        told = "several versions begin like this" if rows else "no version begins like this"
        raise Refused("not_found", f"'{prefix}': {told}; paygw fees show lists them.")
    return rows[0]


async def _publish(hub: Hub, prefix: str, how: Publication, connection: Connection) -> Shown:
    await store.hold_versions(connection)
    row = await find_version(connection, prefix)
    if row["state"] != "reviewed":
        raise Refused(
            "version_state",
            f"Version {row['digest'][:12]} is {row['state']}: what another person reviewed is published.",
        )
    await _require_second(hub, connection, row, how.by)
    accepted = _accepted(hub, row, how)
    during = Window(row["effective_from"], row["effective_to"] or LAST_DAY)
    await _require_untouched(connection, row, during, supersede=how.supersede)
    await store.cut(
        connection,
        procedure=row["procedure"],
        jurisdiction=row["jurisdiction"],
        first=during.first,
        last=open_end(during.last),
    )
    await store.set_published(connection, row["digest"], by=how.by, at=hub.clock(), accepted=accepted)
    await _tell(connection, how.by, "published", row["digest"], schedule=row["schedule"], accepted=accepted)
    return view(await find_version(connection, row["digest"]))


def _accepted(hub: Hub, row: Record, how: Publication) -> str:
    """Figures that nobody read in the law do not go live by accident."""
    if row["confidence"] == _SURE and row["code_status"] != "placeholder":
        return ""
    weak = row["confidence"] if row["confidence"] != _SURE else "placeholder"
    if hub.settings.mode == "live" and weak not in how.accept:
        raise Refused(
            "version_unverified",
            f"{row['procedure']} {row['schedule']} is marked {weak}: verify it, or say --accept {weak}.",
        )
    return str(weak)


async def _require_untouched(connection: Connection, row: Record, during: Window, *, supersede: bool) -> None:
    """Nothing else in force there, and no order priced by what would change."""
    jurisdictions = list(dict.fromkeys((row["jurisdiction"], NATIONAL)))
    pieces = await store.standing(
        connection,
        procedure=row["procedure"],
        jurisdictions=jurisdictions,
        first=during.first,
        last=open_end(during.last),
    )
    own = [piece for piece in pieces if piece["jurisdiction"] == row["jurisdiction"]]
    if own and not supersede:
        raise Refused(
            "version_overlaps",
            f"'{own[0]['schedule']}' ({own[0]['digest'][:12]}) is in force from {own[0]['first']}"
            f" to {own[0]['last'] or 'further notice'}: end the new one before, or say --supersede.",
        )
    day = await store.first_use(
        connection,
        procedure=row["procedure"],
        jurisdiction=row["jurisdiction"],
        windows=[(window.first, window.last) for window in _changes(row, during, own, pieces)],
    )
    if day is not None:
        raise Refused(
            "version_frozen", f"An order was priced on {day} by rules this version would change: begin after that day."
        )


def _changes(row: Record, during: Window, own: Sequence[Record], pieces: Sequence[Record]) -> list[Window]:
    """The days on which this version charges otherwise than what stands there now."""
    found: list[Window] = []
    covered = [Window(piece["first"], piece["last"] or LAST_DAY) for piece in own]
    for piece, window in zip(own, covered, strict=True):
        found += changed_windows(piece["document"], row["document"], window)
    for gap in gaps(during, covered):
        below = [one for one in pieces if one not in own and _meets(one, gap)]
        found += [gap] if not below else []
        for piece in below:
            shared = Window(max(piece["first"], gap.first), min(piece["last"] or LAST_DAY, gap.last))
            found += changed_windows(piece["document"], row["document"], shared)
    return found


def gaps(whole: Window, covered: Sequence[Window]) -> list[Window]:
    """The parts of a window that none of several disjoint ones covers."""
    found, first = [], whole.first
    for window in sorted(covered):
        if first < window.first:
            found.append(Window(first, day_before(window.first)))
        if window.last == LAST_DAY:
            return found
        first = max(first, day_after(window.last))
    return [*found, Window(first, whole.last)] if first <= whole.last else found


def _meets(piece: Record, window: Window) -> bool:
    return Window(piece["first"], piece["last"] or LAST_DAY).overlaps(window)


async def _require_second(hub: Hub, connection: Connection, row: Record, by: str) -> None:
    if row["drafted_by"] == by:
        raise Refused("same_person", f"{by} drafted this version: another person must decide.")
    await _require_role(hub, connection, by, _DECIDERS)


async def _require_role(hub: Hub, connection: Connection, person_id: str, roles: frozenset[str]) -> None:
    """In live mode persons are registered; a test hub takes any name, but still two of them."""
    if not person_id:
        raise Refused("role_missing", "Say who does this: --by PERSON.")
    if hub.settings.mode == "live" and await role_of(connection, person_id) not in roles:
        raise Refused("role_missing", f"In live mode this is done by a person who is {' or '.join(sorted(roles))}.")


async def _tell(connection: Connection, by: str, action: str, digest: str, **detail: str) -> None:
    text = msgspec.json.encode(detail).decode()
    row = AuditRow(principal=f"person:{by}", action=f"fee_version.{action}", subject=digest, detail=text)
    await add_audit(connection, row)


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, date) else value
