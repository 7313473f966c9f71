"""Results of callbacks, written down in bulk: as many per statement as gathered while the last one was written."""

import asyncio
import logging
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

from paygw.hub.hub import Hub
from paygw.kernel.errors import Unavailable
from paygw.outside.callbacks import Outcome
from paygw.store import outbox
from paygw.store.outbox import Acknowledgement, Claim

_log = logging.getLogger(__name__)
_AT_ONCE_MAX = 500
_AGAIN_S = 0.5


@dataclass(frozen=True, slots=True)
class Result:
    """An attempt that was made, and where it went."""

    told: Acknowledgement
    url: str


class Recorder:
    """Holds what is not written yet. On an outage it waits; what is lost with the process is sent once more."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._results: deque[Result] = deque()
        self._unsent: list[Claim] = []
        self._news = asyncio.Event()
        self._closing = False

    def add(self, result: Result) -> None:
        """An attempt came back."""
        self._results.append(result)
        self._news.set()

    def give_back(self, claims: Iterable[Claim]) -> None:
        """These will not be sent under this lease."""
        self._unsent += claims
        self._news.set()

    def close(self) -> None:
        """Nothing more will come: `run` ends when all is written."""
        self._closing = True
        self._news.set()

    async def run(self) -> None:
        """Write until closed."""
        while not self._closing or self._results or self._unsent:
            await self._news.wait()
            self._news.clear()
            while self._results or self._unsent:
                if not await self._write_some() and self._closing:
                    return  # leases end by themselves

    async def _write_some(self) -> bool:
        results = [self._results.popleft() for _ in range(min(len(self._results), _AT_ONCE_MAX))]
        unsent, self._unsent = self._unsent, []
        try:
            await self._write(results, unsent)
        except Unavailable as error:
            _log.warning("outbox_unavailable", extra={"outcome": str(error)})
            self._results.extendleft(reversed(results))
            self._unsent += unsent
            await asyncio.sleep(_AGAIN_S)
            return False
        return True

    async def _write(self, results: list[Result], unsent: list[Claim]) -> None:
        if unsent:
            await self._hub.transact(partial(outbox.release, claims=unsent))
        if not results:
            return
        told = [result.told for result in results]
        await self._hub.transact(partial(outbox.acknowledge, told=told))
        for portal_id, url in sorted({(r.told.claim.portal_id, r.url) for r in results if _is_gone(r)}):
            if await self._hub.transact(partial(outbox.disable_endpoint, portal_id=portal_id, url=url)):
                _log.error("callback_endpoint_gone", extra={"portal": portal_id})
        for portal_id in sorted({item.claim.portal_id for item in told if item.status == "dead"}):
            await self._hub.transact(partial(outbox.report_dead, portal_id=portal_id))
            _log.error("callback_dead_letter", extra={"portal": portal_id})


def _is_gone(result: Result) -> bool:
    return result.told.outcome == Outcome.GONE
