"""Nights as people read them: which ran, what each step came to, and the position as it was known then."""

from dataclasses import asdict
from datetime import date

import msgspec

from paygw.hub.finance import View
from paygw.hub.hub import Hub
from paygw.hub.position import NOBODY
from paygw.hub.views import instant
from paygw.kernel.errors import Refused
from paygw.store import nights as store
from paygw.store.position import standings


async def list_nights(hub: Hub, *, limit: int = 100) -> list[View]:
    """The latest nights."""
    async with hub.pool.acquire() as connection:
        rows = await store.list_nights(connection, limit)
    return [_night(row) for row in rows]


async def show_night(hub: Hub, bank: str, day: date, run: int | None = None) -> View:
    """A night as it was known when its last run ended, or the run of this number: steps, minutes, position.

    Raises Refused `not_found`.
    """
    async with hub.pool.acquire() as connection:
        row = await store.find_night(connection, bank, day)
        if row is None:
            raise Refused("not_found", "That day was never reconciled.")
        ends = await store.ends_of(connection, row["id"])
        ended = next((one for one in reversed(ends) if run in {None, one["try"]}), None)
        if run is not None and ended is None:
            numbers = ", ".join(str(one["try"]) for one in ends) or "none"
            raise Refused("not_found", f"Runs of that night that ended: {numbers}.")
        steps = await store.steps_of(connection, str(row["id"]), row["tries"] if run is None else run)
        position = await standings(connection, snapshot=ended["snapshot"]) if ended else []
    minutes = {"no": ended["no"], "content_hash": ended["content_hash"]} if ended and ended["no"] else None
    return {
        **_night(row),
        "run": ended["try"] if ended else None,
        "known_at": instant(ended["ended_at"]) if ended else None,
        "runs": [{"run": one["try"], "ended_at": instant(one["ended_at"]), "minutes": one["no"]} for one in ends],
        "steps": {one["step"]: msgspec.json.decode(one["result"], type=dict[str, object]) for one in steps},
        "minutes": minutes,
        "position": [asdict(one) for one in position],
        "balanced": not any(NOBODY in {one.holder, one.owner} for one in position),
    }


def _night(row: View) -> View:
    return {
        "bank": row["bank"],
        "day": row["day"].isoformat(),
        "status": row["status"],
        "tries": row["tries"],
        "started_at": instant(row["started_at"]),
        "ended_at": instant(row["ended_at"]) if row["ended_at"] else None,
    }
