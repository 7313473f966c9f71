"""kill -9 of the hub's processes and of PostgreSQL under load: at the end every đồng and every promise is there."""

import asyncio
import os
import random
import signal
import statistics
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from paygw.outside.ports import free_port
from paygw.store.embedded.process import identify, postgres_in
from tests.drills.conftest import Figures
from tests.drills.kit.bank import dice
from tests.drills.kit.load import Load
from tests.drills.kit.portal import Portal, listening
from tests.drills.kit.processes import Hand, until, worker
from tests.drills.kit.world import World, world

pytestmark = [pytest.mark.drill, pytest.mark.timeout(2400)]

# How often which process is hit. PostgreSQL's supervisor gives up on a postmaster that dies six times a minute.
_VICTIMS = ("api", "backend", "worker", "postmaster", "api", "backend", "api", "backend", "api", "supervisor")
_BREATH_S = 1.0
_DRAIN_S = 90.0
_STUCK = """
SELECT a.bank, a.status, a.last_contact_failed, a.intent IS NOT NULL AS intended, a.session <> '{}' AS has_session
FROM orders o LEFT JOIN attempts a ON a.order_id = o.id WHERE o.reference = ANY ($1)
"""


@dataclass(slots=True)
class Reaper:
    """Kills, restarts as `paygw run` would, and measures until every API process is ready again."""

    world: World
    worker: Hand
    luck: random.Random
    recovered_s: dict[str, list[float]] = field(default_factory=dict)

    def strike(self, kind: str) -> None:
        """One kill and its recovery."""
        began_s = time.monotonic()
        match kind:
            case "api":
                self._restart(self.luck.choice(self.world.apis))
            case "worker":
                self._restart(self.worker)
            case "backend":
                self._kill_postgres(of_postmaster=False)
            case "postmaster":
                self._kill_postgres(of_postmaster=True)
            case "supervisor":
                self._kill_supervisor()
        for one in self.world.apis:
            one.wait_ready()
        if not self.worker.is_alive():  # it began while the database was away, said so and ended
            self.worker.start()
        self.recovered_s.setdefault(kind, []).append(round(time.monotonic() - began_s, 2))

    def _restart(self, hand: Hand) -> None:
        hand.end(signal.SIGKILL)
        hand.start()

    def _kill_postgres(self, *, of_postmaster: bool) -> None:
        """A backend killed from outside makes the postmaster start over; a killed postmaster its supervisor."""
        data = self.world.cluster.data
        head = int((data / "postmaster.pid").read_text(encoding="utf-8").split("\n", 1)[0])
        ours = {found.pid for found in postgres_in(data)}
        assert head in ours
        victim = head if of_postmaster else self.luck.choice(sorted(ours - {head}))
        os.kill(victim, signal.SIGKILL)
        if of_postmaster:
            until(lambda: identify(victim) is None, lambda: "the postmaster lives on")

    def _kill_supervisor(self) -> None:
        os.kill(self.world.cluster.supervisor_pid, signal.SIGKILL)
        until(self.world.cluster.revive, lambda: "the supervisor lives on")


async def test_nothing_is_lost_or_doubled_when_everything_is_killed(
    folder: Path, pytestconfig: pytest.Config, figures: Figures
) -> None:
    """A hundred kills under thirty orders a second; then the outside auditor finds nothing."""
    kills, per_s = int(pytestconfig.getoption("drill_kills")), float(pytestconfig.getoption("drill_rate"))
    portal, port, luck = Portal(fails=0.05), free_port(), dice()
    callbacks = f"http://127.0.0.1:{port}/callbacks"
    allow = {"PAYGW_CALLBACK_ALLOW": f"127.0.0.1:{port}"}
    async with listening(portal, port):
        opened = world(folder, callback_url=callbacks, more=allow)
        hub = await asyncio.to_thread(opened.__enter__)
        hand = worker(folder, **allow)
        hand.start()
        try:
            load, reaper = Load(hub, per_s, luck), Reaper(hub, hand, random.Random(luck.random()))  # noqa: S311 - luck
            load_s = await _strike(load, reaper, kills)
            drained_s = await asyncio.to_thread(_drain, hub)
            found = await hub.audit(load.acknowledged, portal.heard)
            stuck = Counter(" ".join(map(str, row)) for row in await hub.rows(_STUCK, load.gave_up))
        finally:
            await asyncio.to_thread(hand.end)
            await asyncio.to_thread(opened.__exit__, None, None, None)
    findings = [*found.differences, *hand.said("job_failed"), *hand.wrecks(), *load.defects()]
    figures(
        kills=sum(map(len, reaper.recovered_s.values())), load_s=load_s, drained_s=drained_s,
        gave_up=len(load.gave_up), gave_up_at=stuck,
        recovered_s={kind: _spread(took) for kind, took in reaper.recovered_s.items()},
        answers=dict(sorted(load.answers.items())), counted=found.counted, forged=portal.forged,
        differences=Counter(findings).most_common(20),
    )  # fmt: skip
    assert not findings
    assert len(load.gave_up) * 100 <= len(load.acknowledged)  # of a hundred citizens, one may lack patience
    assert portal.forged == 0
    assert found.counted.get("deliveries_delivered") == found.counted["events"]


async def _strike(load: Load, reaper: Reaper, kills: int) -> float:
    """Kill under load; how long the load lasted."""
    stop, began_s = asyncio.Event(), time.monotonic()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(load.run(stop))
        for at in range(kills):
            await asyncio.sleep(_BREATH_S)
            await asyncio.to_thread(reaper.strike, _VICTIMS[at % len(_VICTIMS)])
        await asyncio.sleep(_BREATH_S)
        stop.set()
    return round(time.monotonic() - began_s, 1)


def _drain(hub: World) -> float:
    """Wait until the bank has told everything and the portal has heard everything; the seconds it took."""
    began_s = time.monotonic()
    until(hub.bank.is_quiet, lambda: "the bank still has webhooks to deliver", timeout_s=_DRAIN_S)

    def is_empty() -> bool:
        return asyncio.run(hub.value("SELECT count(*) FROM deliveries WHERE status = 'pending'")) == 0

    until(is_empty, lambda: "callbacks are still pending", timeout_s=_DRAIN_S)
    return round(time.monotonic() - began_s, 1)


def _spread(took: list[float]) -> dict[str, float]:
    ranked = sorted(took)
    return {"n": len(took), "median": statistics.median(took), "p95": ranked[-len(ranked) // 20], "max": ranked[-1]}
