"""A storm of webhooks: copies, shuffled, early, late, for money of every wrong kind; every đồng is where it belongs."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from paygw.outside.ports import free_port
from tests.drills.conftest import Figures
from tests.drills.kit.audit import Acknowledged, Findings, read_truth
from tests.drills.kit.bank import dice
from tests.drills.kit.books import trial_balance, unapplied_vnd
from tests.drills.kit.client import arrive_at_bank, create, go_to_bank, order_body
from tests.drills.kit.portal import Portal, listening
from tests.drills.kit.processes import running, until, worker
from tests.drills.kit.provision import BANK, OTHER_BANK
from tests.drills.kit.world import World, world

pytestmark = [pytest.mark.drill, pytest.mark.timeout(1800)]

ORDERS = 2_000
COPIES_MAX = 5
_AT_ONCE = 40
_SPREAD_MS = 4_000
_LATE_S = 30.0
_DRAIN_S = 600.0
# What becomes of an order, in hundredths, and the status it must end in ("" where the order of arrival decides).
_KINDS = {
    "exact": (58, "paid"), "under": (8, "partially_paid"), "over": (8, "paid"), "twice": (8, "paid"),
    "reversed": (8, ""), "late": (5, "expired"), "early": (5, "paid"),
}  # fmt: skip
_REFS = "SELECT o.reference, a.ref, a.amount_vnd FROM attempts a JOIN orders o ON o.id = a.order_id"


@dataclass(frozen=True, slots=True)
class Story:
    """One order: through which bank, what its payer does, how often the bank tells it."""

    reference: str
    kind: str
    bank: str
    copies: int


@dataclass(slots=True)
class Storm:
    """All stories and what the hub confirmed of them."""

    hub: World
    luck: random.Random
    stories: list[Story]
    acknowledged: list[Acknowledged]

    async def send_to_banks(self, http: aiohttp.ClientSession, stories: list[Story]) -> None:
        """Each payer stands before a bank's page."""
        seats = asyncio.Semaphore(_AT_ONCE)

        async def one(story: Story) -> None:
            async with seats:
                await self._send(http, story)

        await asyncio.gather(*(one(story) for story in stories))

    async def _send(self, http: aiohttp.ClientSession, story: Story) -> None:
        lives_s = _LATE_S if story.kind == "late" else None
        body = order_body(story.reference, [story.reference], lives_s=lives_s)
        answer = await create(http, self._origin(), body, key=story.reference)
        assert answer.status == 201, answer.body
        self.acknowledged.append(Acknowledged(story.reference, story.reference, answer.body))
        page = await go_to_bank(http, self._origin(), answer.json["pay_url"], story.bank)
        if story.kind != "early":
            assert page, story
            await arrive_at_bank(http, page)

    async def pay(self, story: Story, ref: str, amount_vnd: int) -> None:
        """What this payer does, told in so many copies within a few seconds."""
        bank = self.hub.bank
        await asyncio.to_thread(bank.misbehave, story.bank, ref, duplicates=story.copies - 1, shuffle_ms=_SPREAD_MS)
        off_vnd = {"under": -1_000, "over": 7_000}.get(story.kind, 0)
        times = 2 if story.kind == "twice" else 1
        paid = await asyncio.to_thread(bank.pay, ref, story.bank, amount_vnd=amount_vnd + off_vnd, payments=times)
        if story.kind == "reversed":
            await asyncio.to_thread(bank.reverse, paid["payments"][0]["bank_txn_id"], story.bank)

    async def pay_all(self, stories: list[Story]) -> None:
        """Everybody, in no order."""
        seats = asyncio.Semaphore(_AT_ONCE)
        refs = {name: (ref, amount_vnd) for name, ref, amount_vnd in await self.hub.rows(_REFS)}

        async def one(story: Story) -> None:
            async with seats:
                await self.pay(story, *refs[story.reference])

        await asyncio.gather(*(one(story) for story in self.luck.sample(stories, len(stories))))

    async def close(self, stories: list[Story]) -> None:
        """These tries fail at the bank, and their orders expire."""
        refs = {name: ref for name, ref, _ in await self.hub.rows(_REFS)}
        for story in stories:
            await asyncio.to_thread(self.hub.bank.fail, refs[story.reference], story.bank)
        open_ones = "SELECT count(*) FROM orders WHERE reference LIKE 'late-%' AND status <> 'expired'"
        await asyncio.to_thread(
            until, lambda: asyncio.run(self.hub.value(open_ones)) == 0, lambda: "orders do not expire"
        )

    def of(self, *kinds: str) -> list[Story]:
        """The stories of these kinds."""
        return [story for story in self.stories if story.kind in kinds]

    def _origin(self) -> str:
        return self.luck.choice(self.hub.apis).origin


async def test_a_storm_of_webhooks_leaves_every_dong_where_it_belongs(
    folder: Path, scaled: Callable[..., int], figures: Figures
) -> None:
    """2,000 orders, each told in one to five copies under as many names, through two banks at two API processes."""
    orders, portal, port = scaled(ORDERS, least=60), Portal(fails=0.02), free_port()
    more = {
        "PAYGW_CALLBACK_ALLOW": f"127.0.0.1:{port}",
        "PAYGW_ENQUIRY_DELAYS_S": "20,40,60,60,60,60,60,60,60,60,60",
    }
    async with listening(portal, port):
        opened = world(folder, callback_url=f"http://127.0.0.1:{port}/callbacks", more=more)
        hub = await asyncio.to_thread(opened.__enter__)
        try:
            with running(worker(folder, **more)):
                storm = Storm(hub, luck := dice(), list(_stories(orders, luck)), [])
                unknown = await _rage(storm, max(4, orders // 40))
                await asyncio.to_thread(until, hub.bank.is_quiet, lambda: "webhooks are left", timeout_s=_DRAIN_S)
                await _heard_of(hub)
            found = await hub.audit(storm.acknowledged, portal.heard)
            balance = await trial_balance(hub.apis[0].origin)
            unapplied = await unapplied_vnd(hub.apis[0].origin)
            ends = await _ends(hub)
        finally:
            await asyncio.to_thread(opened.__exit__, None, None, None)
    moved = {bank: _net_vnd(hub, bank) for bank in (BANK, OTHER_BANK)}
    figures(
        orders=orders, copies=sum(story.copies for story in storm.stories), unknown=unknown, counted=found.counted,
        ends=ends, moved_vnd=moved, unapplied_vnd=unapplied, forged=portal.forged,
        differences=found.differences[:20],
    )  # fmt: skip
    _judge(found, ends)
    assert {bank: balance.held_at(bank) for bank in moved} == moved
    assert balance.total_vnd == 0
    assert balance.owed_to_payers_vnd == unapplied
    assert portal.forged == 0


async def _rage(storm: Storm, unknown: int) -> int:
    """Early money, then everybody at once, then money nobody can place, then late money; how much cannot be placed."""
    bank = storm.hub.bank
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
        bank.misbehave(OTHER_BANK, pay_at_open=True, duplicates=2, shuffle_ms=_SPREAD_MS)
        await storm.send_to_banks(http, storm.of("early"))
        bank.misbehave(OTHER_BANK)
        await storm.send_to_banks(http, storm.of(*(_KINDS.keys() - {"early"})))
    await storm.pay_all(storm.of(*(_KINDS.keys() - {"early", "late"})))
    for at in range(unknown):
        ref = (None, f"NEVER-SEEN-{at}")[at % 2]
        await asyncio.to_thread(bank.pay, ref, (BANK, OTHER_BANK)[at // 2 % 2], amount_vnd=10_000 + at)
    await storm.close(storm.of("late"))
    await storm.pay_all(storm.of("late"))
    return unknown


def _stories(orders: int, luck: random.Random) -> Iterator[Story]:
    kinds = [kind for kind, (share, _) in _KINDS.items() for _ in range(max(1, orders * share // 100))]
    kinds += ["exact"] * (orders - len(kinds))
    for number, kind in enumerate(kinds):
        bank = OTHER_BANK if kind == "early" else luck.choice((BANK, OTHER_BANK))
        yield Story(f"{kind}-{number}", kind, bank, luck.randint(1, COPIES_MAX))


async def _heard_of(hub: World) -> None:
    """Every callback is with the portal."""
    left = "SELECT count(*) FROM deliveries WHERE status = 'pending'"
    await asyncio.to_thread(
        until, lambda: asyncio.run(hub.value(left)) == 0, lambda: "callbacks are left", timeout_s=_DRAIN_S
    )


async def _ends(hub: World) -> dict[str, dict[str, int]]:
    """How the orders of each kind ended."""
    ends: dict[str, Counter[str]] = {}
    for reference, status in await hub.rows("SELECT reference, status FROM orders"):
        ends.setdefault(reference.partition("-")[0], Counter())[status] += 1
    return {kind: dict(ends[kind]) for kind in sorted(ends)}


def _judge(found: Findings, ends: dict[str, dict[str, int]]) -> None:
    assert not found.differences
    wrong = {kind: ends[kind] for kind, (_, status) in _KINDS.items() if status and list(ends[kind]) != [status]}
    assert not wrong
    assert found.counted["deliveries_delivered"] == found.counted["events"]


def _net_vnd(hub: World, bank: str) -> int:
    """What a bank holds for us by its own word."""
    signs = {"payment": 1, "reversal": -1}
    return sum(signs[fact["kind"]] * fact["amount_vnd"] for fact in read_truth(hub.bank.truth_file(bank)))
