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
from paygw.store.minutes import find_minutes
from paygw.store.position import standings


async def list_nights(hub: Hub, *, limit: int = 100) -> list[View]:
    """The latest nights."""
    async with hub.pool.acquire() as connection:
        rows = await store.list_nights(connection, limit)
    return [_night(row) for row in rows]


async def show_night(hub: Hub, bank: str, day: date) -> View:
    """A night with its last run's steps; the position in the snapshot it ended with. Raises Refused `not_found`."""
    async with hub.pool.acquire() as connection:
        row = await store.find_night(connection, bank, day)
        if row is None:
            raise Refused("not_found", "That day was never reconciled.")
        steps = await store.steps_of(connection, str(row["id"]), row["tries"])
        minutes = await find_minutes(connection, bank, day)
        position = await standings(connection, snapshot=row["snapshot"]) if row["snapshot"] else []
    return {
        **_night(row),
        "steps": {one["step"]: msgspec.json.decode(one["result"], type=dict[str, object]) for one in steps},
        "minutes": {"no": minutes["no"], "content_hash": minutes["content_hash"]} if minutes else None,
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
