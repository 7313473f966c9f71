"""Lock what a decision concerns, in the one order of the money rules: obligations < orders < attempts < receipts.

One order is locked by one statement. Whoever needs several (evidence about money that moved to another order, a message
with several pieces, one receipt that lends to another) holds all of them first: locks taken one order after the other
would cross those of somebody who goes the other way.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from asyncpg import Connection

from paygw.kernel.errors import Refused, Unavailable
from paygw.kernel.evidence import DisputeSeen, Evidence, PaymentSeen, RefundSeen, ReversalSeen
from paygw.kernel.orders import Situation
from paygw.kernel.scene import Scene, receipt_key
from paygw.store.money import home_of, orders_concerned
from paygw.store.situations import Locked, hold_orders, lock_by_order, lock_receipt_key, read_purse

_MOVES_MAX = 3  # times money is followed to another order before the caller is told to come again


async def hold_concerned(connection: Connection, items: Sequence[Evidence], scene: Scene) -> None:
    """Hold every order that these pieces of evidence concern: that of the attempt, and where the money lives now.

    Which they are is read without a lock, so it is read again under the locks. Raises Unavailable.
    """
    refs = {ref for item in items if (ref := getattr(item, "attempt_ref", None))}
    moved = (PaymentSeen, ReversalSeen, DisputeSeen)
    keys = {key for item in items if isinstance(item, moved) and (key := receipt_key(item, scene))}
    refunds = {item.refund_ref for item in items if isinstance(item, RefundSeen)}
    held: frozenset[str] = frozenset()
    for _ in range(_MOVES_MAX):
        found = await orders_concerned(
            connection, bank=scene.bank, merchant=scene.merchant, refs=refs, keys=keys, refund_refs=refunds
        )
        if found <= held:
            return
        held |= found
        await hold_orders(connection, held)
    raise Unavailable("the money keeps moving between orders")


async def hold_receipts(connection: Connection, receipt_ids: Iterable[str]) -> None:
    """Hold the orders of several receipts, before each is locked by `lock_receipt`."""
    homes = [await home_of(connection, receipt_id) for receipt_id in receipt_ids]
    await hold_orders(connection, {home.order_id for home in homes if home is not None and home.order_id})


async def lock_money_of(connection: Connection, *, order_id: str | None, receipt_id: str) -> Locked:
    """Lock an order (if there is one) and all its receipts, or one receipt without order."""
    locked = await lock_by_order(connection, order_id) if order_id else Locked(Situation(order=None))
    purse = await read_purse(connection, order_id, receipt_id=receipt_id)
    return replace(locked, situation=replace(locked.situation, purse=purse))


async def lock_receipt(connection: Connection, receipt_id: str) -> Locked:
    """Lock the order a receipt lives in, and the receipt. Raises Refused `not_found`, Unavailable.

    Where it lives is read without a lock, so it is read again under the lock.
    """
    for _ in range(_MOVES_MAX):
        home = await home_of(connection, receipt_id)
        if home is None:
            raise Refused("not_found", "There is no such receipt here.")
        if home.order_id is None:
            await lock_receipt_key(connection, home.key)
        locked = await lock_money_of(connection, order_id=home.order_id, receipt_id=receipt_id)
        if locked.situation.purse[receipt_id].order_id == home.order_id:
            return locked
    raise Unavailable("the receipt keeps moving between orders")
