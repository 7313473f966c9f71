"""Minutes of reconciliation (biên bản đối soát): content that is hashed, signed by one person, approved by another.

The content holds no clock and no ids of runs: the same night run again writes the same minutes.
"""

from datetime import date
from functools import partial
from typing import Any, Literal

import asyncpg
import msgspec
from asyncpg import Connection

from paygw.hub.breaks import content_hash
from paygw.hub.finance import View
from paygw.hub.hub import Hub
from paygw.hub.persons import principal_of, require_checker, tell_audit
from paygw.hub.views import instant
from paygw.hub.writing import new_id
from paygw.kernel.errors import Refused
from paygw.kernel.words import amount_in_words
from paygw.store import minutes as store
from paygw.store.breaks import breaks_of
from paygw.store.night_book import batches_of
from paygw.store.persons import role_of

_BREAK_FIELDS = (
    "kind", "ref", "bank_txn_id", "book_amount_vnd", "statement_amount_vnd", "detail", "status", "resolution",
)  # fmt: skip
_SIGNERS = frozenset({"clerk", "approver", "operator"})


async def write_minutes(hub: Hub, bank: str, day: date) -> tuple[int | None, str]:
    """Write down a day as it stands; the number of new minutes, or None, and the content's hash."""

    async def work(connection: Connection) -> tuple[int | None, str]:
        content = await _content(hub, connection, bank, day)
        text, digest = content_hash(content)
        number = await store.keep_minutes(
            connection, minutes_id=new_id(), bank=bank, day=day, content=text, digest=digest, at=hub.clock()
        )
        return number, digest

    return await hub.transact(work)


async def read_minutes(hub: Hub, bank: str, day: date, number: int | None = None) -> View:
    """Minutes with their signatures. Raises Refused `not_found`."""
    async with hub.pool.acquire() as connection:
        row = await store.find_minutes(connection, bank, day, number)
        if row is None:
            raise Refused("not_found", "No minutes of that day: run paygw reconcile first.")
        signed = await store.signatures_of(connection, row["id"])
    return {
        "bank": bank,
        "day": day.isoformat(),
        "no": row["no"],
        "content_hash": row["content_hash"],
        "made_at": instant(row["made_at"]),
        "content": msgspec.json.decode(row["content"], type=dict[str, Any]),
        "signatures": [
            {"role": one["role"], "person": one["person"], "name": one["name"], "at": instant(one["at"])}
            for one in signed
        ],
    }


async def list_minutes(hub: Hub, *, limit: int = 100) -> list[View]:
    """The latest minutes."""
    async with hub.pool.acquire() as connection:
        rows = await store.list_minutes(connection, limit)
    return [
        {
            "bank": row["bank"],
            "day": row["day"].isoformat(),
            "no": row["no"],
            "content_hash": row["content_hash"],
            "made_at": instant(row["made_at"]),
            "signatures": list(row["signatures"] or []),
        }
        for row in rows
    ]


async def sign_minutes(
    hub: Hub, bank: str, day: date, *, role: Literal["signed", "approved"], by: str, shown: str
) -> View:
    """Sign what was shown; another person, an approver, approves it.

    Raises Refused: `not_found`, `stale_version` (newer minutes or other content), `minutes_state`, `same_person`,
    `role_missing`.
    """
    try:
        await hub.transact(partial(_sign, hub, bank, day, role, by, shown))
    except asyncpg.UniqueViolationError as error:
        if error.constraint_name == "minutes_signatures_two":
            raise Refused("same_person", "A second person must approve.") from None
        raise Refused("minutes_state", f"These minutes are {role} already.") from None
    return await read_minutes(hub, bank, day)


async def _sign(hub: Hub, bank: str, day: date, role: str, by: str, shown: str, connection: Connection) -> None:
    row = await store.find_minutes(connection, bank, day)
    if row is None:
        raise Refused("not_found", "No minutes of that day: run paygw reconcile first.")
    if row["content_hash"] != shown:
        raise Refused("stale_version", "These are not the newest minutes as they stand: look at them again.")
    if role == "approved":
        await require_checker(connection, by)
        if not any(one["role"] == "signed" for one in await store.signatures_of(connection, row["id"])):
            raise Refused("minutes_state", "Nobody has signed these minutes yet.")
    elif await role_of(connection, by) not in _SIGNERS:
        raise Refused("role_missing", "This person does not sign minutes.")
    await store.sign(connection, row["id"], role=role, person=by, at=hub.clock(), digest=shown)
    await tell_audit(connection, principal_of(by), f"minutes.{role}", f"{bank}:{day}:{row['no']}", hash=shown)


async def _content(hub: Hub, connection: Connection, bank: str, day: date) -> View:
    facts = await store.facts_of(connection, bank, day)
    breaks = await breaks_of(connection, bank, day)
    book, breakdown = facts["book"], facts["breakdown"]
    allocated = sum(row["vnd"] for row in breakdown)
    known = hub.registry.banks.get(bank)
    return {
        "schema": "paygw.minutes/v1",
        "bank": bank,
        "bank_title": known.title if known else bank,
        "merchant": known.secrets.merchant if known else "",
        "mode": hub.settings.funds,
        "day": day.isoformat(),
        "book": book,
        "in_words": amount_in_words(book["receipts_vnd"]),
        "allocated_vnd": allocated,
        "unallocated_vnd": book["receipts_vnd"] - allocated,
        "files": facts["files"],
        "lines": facts["lines"],
        "breakdown": [
            row | {"body_name": body.name if (body := hub.registry.bodies.get(row["collecting_body"])) else ""}
            for row in breakdown
        ],
        "batches": [msgspec.to_builtins(batch) for batch in await batches_of(connection, bank, day)],
        "breaks": [{name: row[name] for name in _BREAK_FIELDS} for row in breaks],
    }
