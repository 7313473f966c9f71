"""What lines of a statement say of our payment orders: a debit that names one has left, a credit is one come back.

A line counts that bears an order's end-to-end id, its very amount, on the account the order leaves, of a batch that was
exported. Anything else stays what it is: an unidentified line that people look at.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Final

import asyncpg
from asyncpg import Connection, Record

from paygw.hub.hub import Hub
from paygw.hub.payment_orders import News, PaymentOrder, State, named_order
from paygw.hub.payouts import order_of, order_states, tell_order
from paygw.hub.registry import Bank
from paygw.kernel.errors import Refused
from paygw.store import payouts as store
from paygw.store.nights import LineRead

_Name = tuple[str, int]
_BOTH: Final = frozenset({"credit", "debit"})


async def tell_lines(hub: Hub, bank: Bank, lines: Sequence[LineRead]) -> int:
    """Book what the lines of a statement tell of payment orders; how many did for the first time.

    The same lines again change nothing. A return that is read before its debit proves the debit.
    """
    by_order: dict[_Name, list[LineRead]] = defaultdict(list)
    for line in lines:
        name = named_order(line.ref, line.bank_txn_id, line.memo)
        if name is not None and line.bank_txn_id:  # a line without an id of its own could not be told from others
            by_order[name].append(line)
    told = 0
    for name, found in sorted(by_order.items()):
        try:
            told += await hub.transact(partial(_tell, hub, bank, name, found))
        except (Refused, asyncpg.UniqueViolationError):  # not as it was decided: people look at the line
            continue
    return told


async def _tell(hub: Hub, bank: Bank, name: _Name, lines: list[LineRead], connection: Connection) -> int:
    row = await store.find_by_head(connection, name[0])
    if row is None or row["account"] != bank.landing.account:
        return 0
    order = order_of(hub, row, name[1])
    before = await store.told_directions(connection, row["batch_id"], order.group)
    fitting = _first_of_each(line for line in lines if line.amount_vnd == order.amount_vnd)
    new = {direction: line for direction, line in fitting.items() if direction not in before}
    if not new:
        return 0
    for news in _news(await order_states(connection, row, order), set(new), before):
        await tell_order(hub, connection, row, order, news)
    for direction, line in sorted(new.items()):
        await _keep(hub, connection, row, order, direction, line)
    return len(new)


def _first_of_each(lines: Iterable[LineRead]) -> dict[str, LineRead]:
    found: dict[str, LineRead] = {}
    for line in lines:
        found.setdefault(line.direction, line)
    return found


def _news(states: dict[State, int], new: set[str], before: frozenset[str]) -> list[News]:
    """What must be booked. Raises Refused where people said that it came back and the bank shows one side only."""
    if states["sent"]:
        return ["confirmed", "returned"] if "credit" in new else ["confirmed"]
    if states["confirmed"]:
        return ["returned"] if "credit" in new else []
    if new | before >= _BOTH:
        return []
    raise Refused("disbursement_state", "This payment order came back, the statement shows one side of it only.")


async def _keep(
    hub: Hub, connection: Connection, row: Record, order: PaymentOrder, direction: str, line: LineRead
) -> None:
    told = store.ToldLine(
        batch_id=row["batch_id"],
        order_no=order.group,
        direction=direction,
        bank=line.bank,
        day=line.day,
        bank_txn_id=line.bank_txn_id,
    )
    await store.keep_line(connection, told, at=hub.clock())


async def without_told(connection: Connection, bank: str, lines: Sequence[LineRead]) -> list[LineRead]:
    """The lines that told of no payment order."""
    told = await store.told_lines(connection, bank, [line.bank_txn_id for line in lines])
    return [line for line in lines if (line.bank_txn_id, line.direction) not in told]
