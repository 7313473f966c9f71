"""For those who keep the hub running: alive, ready, measured."""

import asyncio
import logging
import math
import shutil
from dataclasses import dataclass
from typing import Final, cast

import asyncpg
from starlette.requests import Request
from starlette.responses import Response

import paygw
from paygw.hub.hub import Hub
from paygw.hub.measuring import read_all
from paygw.kernel.errors import Unavailable
from paygw.outside.metrics import CONTENT_TYPE, Metrics
from paygw.store.away import AWAY
from paygw.store.gauges import Gauge
from paygw.store.health import Heartbeat, probe_write, read_heartbeats, read_revision
from paygw.store.migrate import head
from paygw.web.context import Permission, hub_of
from paygw.web.reply import reply
from paygw.web.routes import Routes

REASONS: Final = ("draining", "disk", "migrations", "database", "worker")

_PROBE_S: Final = 1.0
_GAUGES_S: Final = 3.0
_LATE_BEATS: Final = 4
_AWAY: Final = (*AWAY, asyncpg.PostgresError, Unavailable)

_log = logging.getLogger("paygw.ops")

api = Routes(tag="Operations")


@dataclass(slots=True)
class Serving:
    """How this process serves: red from SIGTERM on; under `paygw run` a hub without its worker is not ready."""

    draining: bool = False
    needs_worker: bool = False
    head: str = ""
    probe_s: float = _PROBE_S


@dataclass(frozen=True, slots=True)
class Readiness:
    """Reasons why not, and the workers heard of."""

    reasons: tuple[str, ...]
    workers: tuple[Heartbeat, ...]


@api.get("/healthz", permission=Permission.PUBLIC, summary="The process is alive")
async def healthz(request: Request) -> Response:
    """Touches nothing."""
    del request
    return reply(b'{"status":"alive"}')


@api.get("/readyz", permission=Permission.PUBLIC, summary="The hub can take money", problems=("unavailable",))
async def readyz(request: Request) -> Response:
    """200, or 503 with the reasons; banks and portals have no say in it."""
    found = await read_readiness(hub_of(request), cast("Serving", request.app.state.serving))
    body = {
        "status": "not_ready" if found.reasons else "ready",
        "reasons": found.reasons,
        "workers": [{"worker": one.worker, "age_s": round(one.age_s, 1)} for one in found.workers],
    }
    return reply(body, 503 if found.reasons else 200)


async def read_readiness(hub: Hub, serving: Serving) -> Readiness:
    """Everything that readiness depends on, in about a second at most."""
    reasons = ["draining"] if serving.draining else []
    if _disk_free(hub) * 100 < hub.settings.disk_free_min_pct:
        reasons.append("disk")
    workers: tuple[Heartbeat, ...] = ()
    try:
        async with asyncio.timeout(serving.probe_s), hub.pool.acquire() as connection:
            await probe_write(connection, timeout_s=serving.probe_s)
            if await read_revision(connection) != (serving.head or head()):
                reasons.append("migrations")
            workers = tuple(await read_heartbeats(connection))
    except _AWAY:
        reasons.append("database")
    late_s = _LATE_BEATS * hub.settings.heartbeat_s
    if serving.needs_worker and not any(one.age_s < late_s for one in workers):
        reasons.append("worker")
    return Readiness(tuple(reasons), workers)


@api.get("/metrics", permission=Permission.METRICS, summary="Metrics in Prometheus' text format")
async def metrics(request: Request) -> Response:
    """Counters and state of this process; gauges of the whole hub, left out when the database is late."""
    hub = hub_of(request)
    ready = await read_readiness(hub, cast("Serving", request.app.state.serving))
    last_s = min((one.age_s for one in ready.workers), default=math.inf)  # a worker nobody heard of is a late one
    gauges = [
        Gauge("paygw_build_info", {"version": paygw.__version__}, 1),
        Gauge("paygw_db_pool_in_use", {}, hub.pool.get_size() - hub.pool.get_idle_size()),
        Gauge("paygw_db_pool_size", {}, hub.pool.get_max_size()),
        Gauge("paygw_disk_free_ratio", {}, _disk_free(hub)),
        *(Gauge("paygw_not_ready", {"reason": reason}, reason in ready.reasons) for reason in REASONS),
    ]
    try:
        async with asyncio.timeout(_GAUGES_S), hub.pool.acquire() as connection:
            gauges += await read_all(hub, connection)
            gauges.append(Gauge("paygw_worker_heartbeat_age_seconds", {}, last_s))
    except _AWAY as error:
        _log.warning("gauges_missing", extra={"code": type(error).__name__})
    own = hub.observe if isinstance(hub.observe, Metrics) else Metrics()
    text = own.text([(one.name, one.labels, one.value) for one in gauges])
    return Response(text, media_type=CONTENT_TYPE)


def _disk_free(hub: Hub) -> float:
    """The free share, 0 to 1, of the disk that keys, heads and an embedded database are on."""
    disk = shutil.disk_usage(hub.settings.var if hub.settings.var.exists() else ".")
    return disk.free / disk.total
