"""What two persons decide about money that does not explain itself: disprove, release, thaw, identify, close."""

from dataclasses import replace
from functools import partial

from asyncpg import Connection

from paygw.hub.days import local_day
from paygw.hub.finance import View
from paygw.hub.hub import Hub
from paygw.hub.locking import lock_money_of, lock_receipt
from paygw.hub.moving import decision_of, keep, scene_of
from paygw.hub.persons import TwoPersons, decided_by_two
from paygw.hub.views import instant
from paygw.kernel.connector import Verdict
from paygw.kernel.decide import Decision, identify, release_obligation, thaw
from paygw.kernel.errors import Refused
from paygw.kernel.evidence import Authority
from paygw.kernel.news import lines_of, touched
from paygw.kernel.refs import public_id
from paygw.kernel.reversals import disprove
from paygw.store.cases import close_case, list_cases
from paygw.store.money import home_of
from paygw.store.situations import lock_receipt_key


async def find_cases(hub: Hub, *, status: str | None = None, limit: int = 1_000) -> list[View]:
    """What a person must look at, the oldest first, with its age; `key` is how `close_case` names it."""
    async with hub.pool.acquire() as connection:
        rows = await list_cases(connection, status, limit)
    today = local_day(hub.clock())
    return [
        {
            "key": row["key"],
            "kind": row["kind"],
            "detail": row["detail"],
            "receipt_id": public_id("rcp", str(row["receipt_id"])) if row["receipt_id"] else None,
            "owner": row["owner"],
            "status": row["status"],
            "age_days": max((today - local_day(row["opened_at"])).days, 0),
            "opened_at": instant(row["opened_at"]),
            "closed_at": instant(row["closed_at"]) if row["closed_at"] else None,
        }
        for row in rows
    ]


async def disprove_receipt(hub: Hub, receipt_id: str, case_id: str, *, persons: TwoPersons) -> None:
    """Row 19: the provider proved (the document) that there was no payment."""

    async def work(connection: Connection) -> None:
        locked = await lock_receipt(connection, receipt_id)
        situation = locked.situation
        moved = disprove(situation.purse, receipt_id, case_id, hub.settings.funds, lines_of(situation))
        await decided_by_two(connection, persons, "receipt.disprove", receipt_id, case=case_id)
        decision = decision_of(locked, moved)
        await keep(hub, connection, locked, replace(decision, situation=touched(decision.situation)))

    await hub.transact(work)


async def release(hub: Hub, order_id: str, obligation_id: str, *, persons: TwoPersons) -> None:
    """Let a new order pay an obligation whose money the provider took back whole."""

    async def work(connection: Connection) -> None:
        locked = await lock_money_of(connection, order_id=order_id, receipt_id=_NOBODY)
        after = release_obligation(locked.situation, obligation_id)
        await decided_by_two(connection, persons, "obligation.release", obligation_id, order=order_id)
        await keep(hub, connection, locked, Decision(situation=after, verdict=Verdict.ACCEPTED))

    await hub.transact(work)


_NOBODY = "00000000-0000-0000-0000-000000000000"  # no receipt beyond those of the order


async def thaw_receipt(hub: Hub, receipt_id: str, *, persons: TwoPersons) -> None:
    """End a conflict or an integrity block: what is booked is right; its money is applied as if it had just landed."""

    async def work(connection: Connection) -> None:
        locked = await lock_receipt(connection, receipt_id)
        receipt = locked.situation.purse[receipt_id]
        decision = thaw(locked.situation, receipt_id, scene_of(hub, receipt, Authority.STATEMENT))
        await decided_by_two(connection, persons, "receipt.thaw", receipt_id)
        await keep(hub, connection, locked, decision)

    await hub.transact(work)


async def identify_receipt(hub: Hub, receipt_id: str, order_id: str, *, persons: TwoPersons) -> None:
    """Give unidentified money (row 21) to an order. Raises Refused `receipt_identified`, `not_found`."""
    await hub.transact(partial(_identify, hub, receipt_id, order_id, persons))


async def _identify(hub: Hub, receipt_id: str, order_id: str, persons: TwoPersons, connection: Connection) -> None:
    home = await home_of(connection, receipt_id)
    if home is None:
        raise Refused("not_found", "There is no such receipt here.")
    locked = await lock_money_of(connection, order_id=order_id, receipt_id=_NOBODY)
    if locked.situation.order is None:
        raise Refused("not_found", "There is no such order here.")
    await lock_receipt_key(connection, home.key)
    alone = await lock_money_of(connection, order_id=None, receipt_id=receipt_id)
    receipt = alone.situation.purse[receipt_id]
    decision = identify(locked.situation, receipt, None, scene_of(hub, receipt, Authority.STATEMENT))
    await decided_by_two(connection, persons, "receipt.identify", receipt_id, order=order_id)
    known = replace(locked.situation, purse=locked.situation.purse.put(receipt))
    await keep(hub, connection, replace(locked, situation=known), decision)


async def settle_case(hub: Hub, key: str, *, persons: TwoPersons) -> None:
    """Close a case; the document says how it was solved."""

    async def work(connection: Connection) -> None:
        await decided_by_two(connection, persons, "case.close", key)
        if not await close_case(connection, key, at=hub.clock()):
            raise Refused("not_found", "There is no such open case.")

    await hub.transact(work)
