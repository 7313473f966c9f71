"""Orders that arrive while others are being written are written together: one statement and one commit for them all.

There is no timer: a request finds a free writer and goes alone at once, or waits for the next statement of a writer at
work. Each portal has its own queue, so that one portal's duplicates never stand in another portal's statement. A
statement that fails has written nothing and is done again one by one: its one bad order is told what it did, the
others are created. Nobody is answered before the commit.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Final

from asyncpg import Pool

from paygw.kernel.errors import Unavailable
from paygw.store.away import AWAY
from paygw.store.creating import NewOrder, create

_WRITERS_MAX: Final = 3  # of one portal: one commits while the others fill
_TOGETHER_MAX: Final = 64

_Waiting = tuple[NewOrder, "asyncio.Future[bool]"]


@dataclass(slots=True)
class _Queue:
    waiting: list[_Waiting] = field(default_factory=list)
    writers: set["asyncio.Task[None]"] = field(default_factory=set)


@dataclass(slots=True)
class Gathering:
    """The queues of one process, by portal. Portals are few: a queue stays."""

    _queues: dict[str, _Queue] = field(default_factory=dict)

    async def create(self, pool: Pool, new: NewOrder) -> bool:
        """Write one order; False if its key was used before. Raises what `store.creating.create` raises."""
        queue = self._queues.setdefault(new.order.portal_id, _Queue())
        written: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        queue.waiting.append((new, written))
        if len(queue.writers) < _WRITERS_MAX:
            writer = asyncio.create_task(_write(pool, queue))
            queue.writers.add(writer)
            writer.add_done_callback(queue.writers.discard)
        return await written


async def _write(pool: Pool, queue: _Queue) -> None:
    """Write until nobody waits."""
    while queue.waiting:
        batch, queue.waiting = queue.waiting[:_TOGETHER_MAX], queue.waiting[_TOGETHER_MAX:]
        try:
            await _together(pool, batch)
        finally:
            for _, written in batch:  # a writer that is ended leaves nobody waiting
                if not written.done():
                    written.set_exception(Unavailable("the process is ending"))


async def _together(pool: Pool, batch: list[_Waiting]) -> None:
    try:
        async with pool.acquire() as connection:
            ids = await create(connection, [new for new, _ in batch])
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told to those who wait
        lost = isinstance(error, AWAY) and not isinstance(error, ValueError)  # nobody knows whether it was written
        if lost or len(batch) == 1:
            _tell(batch, error)
        else:
            await asyncio.gather(*(_together(pool, [one]) for one in batch))
    else:
        for new, written in batch:
            if not written.done():
                written.set_result(new.order.id in ids)


def _tell(batch: list[_Waiting], error: Exception) -> None:
    for _, written in batch:
        if not written.done():
            written.set_exception(error)
