"""Callbacks from the outbox to the portals: claim in batches, send lane by lane, write results down in bulk.

What is in memory may be lost: its lease ends and another claim finds it. A sick endpoint fills its own lane only.
"""

import asyncio
import logging
import random
from collections.abc import Callable
from functools import partial

from paygw.hub.hub import Hub
from paygw.hub.registry import Portal
from paygw.jobs.lanes import Held, Lane
from paygw.jobs.pacing import Breaker, Schedule, next_step
from paygw.jobs.recording import Recorder, Result
from paygw.kernel.errors import Unavailable
from paygw.kernel.refs import public_id
from paygw.outside.callbacks import Callback, Limits, Outcome, Sender, Sent
from paygw.settings import Settings
from paygw.store import outbox
from paygw.store.outbox import Acknowledgement, Claim

_log = logging.getLogger(__name__)
_LOW_WATER = 4  # the share of a batch at which a lane asks for more, so that it need not run dry meanwhile


async def dispatch(hub: Hub, stop: asyncio.Event) -> None:
    """Send callbacks until `stop` is set; then finish what is under way and give back the rest."""
    async with Sender(limits_of(hub.settings), clock=hub.clock) as sender:
        await Dispatcher(hub, sender).run(stop)


class Dispatcher:
    """The lanes of one process. `luck` (0..1) places each wait within its jitter."""

    def __init__(self, hub: Hub, sender: Sender, *, luck: Callable[[], float] = random.random) -> None:
        self._hub = hub
        self._settings = hub.settings
        self._sender = sender
        self._luck = luck
        self._schedule = schedule_of(hub.settings)
        self._lanes: dict[str, Lane] = {}
        self._recorder = Recorder(hub)
        self._room = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        """Send until told to stop."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._recorder.run())
            async with asyncio.TaskGroup() as sends:
                while not stop.is_set():
                    self._room.clear()
                    more = await self._fill(sends)
                    await self._rest(stop, more=more)
                for lane in self._lanes.values():
                    self._recorder.give_back(held.claim for held in lane.queue)
                    lane.queue.clear()
            self._recorder.close()

    async def _fill(self, sends: asyncio.TaskGroup) -> bool:
        """Claim what the lanes have room for and set them going. Returns whether there may be more to claim."""
        rooms = self._rooms()
        if not rooms:
            return False
        until_s = _now_s() + self._settings.callback_lease_s - self._settings.callback_deadline_s
        batch, lease_s = self._settings.callback_batch, self._settings.callback_lease_s
        try:
            claims = await self._hub.transact(partial(outbox.claim, rooms=rooms, limit=batch, lease_s=lease_s))
        except Unavailable as error:
            _log.warning("outbox_unavailable", extra={"outcome": str(error)})
            return False
        for claim in claims:
            self._lanes[claim.portal_id].queue.append(Held(claim, until_s))
            rooms[claim.portal_id] -= 1
        for portal_id in {claim.portal_id for claim in claims}:
            lane = self._lanes[portal_id]
            for _ in range(lane.hands_wanted(self._settings)):
                lane.busy += 1
                sends.create_task(self._empty(portal_id, lane))
        return len(claims) == batch or not all(rooms.values())

    def _rooms(self) -> dict[str, int]:
        now_s, rooms = _now_s(), {}
        for portal in self._hub.registry.portals.values():
            lane = self._lanes.get(portal.id) or self._open_lane(portal.id)
            if lane.takes(portal, now_s) and (room := lane.room(self._settings)) > 0:
                rooms[portal.id] = room
        return rooms

    def _open_lane(self, portal_id: str) -> Lane:
        # Where the schedule is compressed, the breaker must not outlast its longest gap.
        rest_s = min(self._settings.breaker_open_s, max(self._settings.callback_delays_s, default=0.0))
        lane = self._lanes[portal_id] = Lane(Breaker(self._settings.breaker_failures, rest_s))
        return lane

    async def _empty(self, portal_id: str, lane: Lane) -> None:
        """One of the few tasks that send from a lane."""
        try:
            while lane.queue:
                held = lane.queue.popleft()
                portal = self._hub.registry.portals.get(portal_id)
                if portal is None or _now_s() > held.until_s or not lane.takes(portal, _now_s()):
                    self._recorder.give_back([held.claim])
                    continue
                await self._attempt(portal, lane, held.claim)
                if len(lane.queue) < self._settings.callback_batch // _LOW_WATER:
                    self._room.set()
        finally:
            lane.busy -= 1
            self._room.set()

    async def _attempt(self, portal: Portal, lane: Lane, claim: Claim) -> None:
        lane.breaker.begin()
        sent = await self._sender.send(
            Callback(
                portal_id=portal.id,
                url=portal.callback_url,
                secrets=portal.secrets,
                message_id=public_id("evt", str(claim.event_id)),
                body=claim.body,
            )
        )
        lane.breaker.end(ok=sent.outcome is Outcome.ACCEPTED, now_s=_now_s())
        lane.learn(sent.ms / 1000)
        if sent.outcome is Outcome.GONE:  # until every process has heard of it
            lane.quiet_until_s = _now_s() + 2 * self._settings.registry_refresh_s
        status, wait_s = next_step(self._schedule, sent, attempts=claim.attempts + 1, luck=self._luck())
        told = Acknowledgement(claim, status, wait_s, sent.outcome, sent.http_status, sent.ms)
        self._recorder.add(Result(told, portal.callback_url))
        self._observe(portal.id, claim, sent)

    def _observe(self, portal_id: str, claim: Claim, sent: Sent) -> None:
        hub = self._hub
        hub.observe.count("paygw_callback_attempts_total", portal=portal_id, outcome=sent.outcome)
        if sent.outcome is Outcome.ACCEPTED:
            delay_s = (hub.clock() - claim.created_at).total_seconds()
            hub.observe.took("paygw_callback_delay_seconds", max(0.0, delay_s), portal=portal_id)
            return
        fields = {"portal": portal_id, "outcome": sent.outcome.value, "status": sent.http_status, "ms": sent.ms}
        _log.warning("callback_failed", extra={**fields, "attempt": claim.attempts + 1})

    async def _rest(self, stop: asyncio.Event, *, more: bool) -> None:
        """Until a lane has room again if there may be more to claim, else until the next look."""
        events = (stop, self._room) if more else (stop,)
        waits = [asyncio.create_task(event.wait()) for event in events]
        await asyncio.wait(waits, timeout=self._settings.callback_poll_s, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()


def schedule_of(settings: Settings) -> Schedule:
    """The schedule as set."""
    return Schedule(
        delays_s=settings.callback_delays_s,
        jitter=settings.callback_jitter,
        retry_after_max_s=settings.callback_retry_after_max_s,
    )


def limits_of(settings: Settings) -> Limits:
    """The bounds of one attempt as set."""
    return Limits(
        deadline_s=settings.callback_deadline_s,
        reply_max_bytes=settings.callback_reply_max_bytes,
        concurrency=settings.callback_concurrency,
        allow=frozenset(settings.callback_allow),
    )


def _now_s() -> float:
    return asyncio.get_running_loop().time()
