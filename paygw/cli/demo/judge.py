"""The judge: the hub's figures against the banks' own truth and the portal's own book. Finds nothing, or says what."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import aiohttp

from paygw.app import build_hub
from paygw.cli.demo.citizen import until
from paygw.cli.demo.story import Scene
from paygw.cli.demo.world import BANKS, World
from paygw.settings import Settings
from paygw.store.ledger_checks import find_violations

_PATIENCE_S = 20.0


@dataclass(frozen=True, slots=True)
class BankTruth:
    """What one bank moved, by its own file."""

    payments: int
    paid_vnd: int
    reversed_vnd: int
    refunded_vnd: int

    @property
    def held_vnd(self) -> int:
        """What is still with the bank."""
        return self.paid_vnd - self.reversed_vnd - self.refunded_vnd


@dataclass(frozen=True, slots=True)
class Judgement:
    """The truth by bank, the books, and what does not fit (nothing, if all is well)."""

    banks: dict[str, BankTruth]
    accounts: list[dict[str, Any]]
    unapplied: list[dict[str, Any]]
    callbacks: int
    findings: list[str]


def read_truth(lines: list[dict[str, Any]]) -> BankTruth:
    """The sums of a truth file; of a refund the last line says how it ended."""
    refunds = {line["refund_ref"]: line for line in lines if line["kind"] == "refund"}
    payments = [line for line in lines if line["kind"] == "payment"]
    return BankTruth(
        payments=len(payments),
        paid_vnd=sum(line["amount_vnd"] for line in payments),
        reversed_vnd=sum(line["amount_vnd"] for line in lines if line["kind"] == "reversal"),
        refunded_vnd=sum(line["amount_vnd"] for line in refunds.values() if line["status"] == "succeeded"),
    )


async def judge(world: World, scenes: list[Scene], settings: Settings) -> Judgement:
    """Read every side anew and compare."""
    book = await _portal_book(world, scenes)
    orders = [await _order(world, scene.order_id) for scene in scenes if scene.order_id]
    trial = await world.finance("/v1/ledger/trial-balance")
    unapplied = (await world.finance("/v1/unapplied?limit=100"))["items"]
    banks = {name: read_truth(world.truth(name)) for name in BANKS}
    findings = [f"{scene.title}: {scene.wrong}" for scene in scenes if scene.wrong]
    findings += _compare_banks(banks, trial["accounts"])
    findings += _compare_orders(banks, orders, unapplied)
    findings += _compare_portal(scenes, book)
    findings += await _own_checks(settings)
    callbacks = sum(len(told) for told in book.values())
    return Judgement(banks, trial["accounts"], unapplied, callbacks, findings)


async def _order(world: World, order_id: str) -> dict[str, Any]:
    _, order = await world.api("GET", f"/v1/orders/{order_id}")
    read: dict[str, Any] = order
    return read


async def _portal_book(world: World, scenes: list[Scene]) -> dict[str, Counter[str]]:
    """Verified callbacks by order and type, once everything that must be told was told, or patience ended."""
    patience = await until("callbacks", seconds=_PATIENCE_S)
    while True:
        book: dict[str, Counter[str]] = {}
        for line in await _lines(world):
            if line["fact"] == "callback":
                book.setdefault(line["event"]["data"]["id"], Counter())[line["event"]["type"]] += 1
        if not list(_compare_portal(scenes, book)):
            return book
        try:
            await patience.again()
        except TimeoutError:
            return book


async def _lines(world: World) -> list[dict[str, Any]]:
    try:
        return await world.portal_lines()
    except aiohttp.ClientError:
        return []


def _compare_banks(banks: dict[str, BankTruth], accounts: list[dict[str, Any]]) -> Iterator[str]:
    """The ledger's clearing of each bank is what the bank's own file says it still holds."""
    total_vnd = sum(account["debit_vnd"] - account["credit_vnd"] for account in accounts)
    if total_vnd:
        yield f"the trial balance is off by {total_vnd} đồng"
    for name, truth in banks.items():
        held_vnd = sum(a["debit_vnd"] - a["credit_vnd"] for a in accounts if a["account"].startswith(f"H:{name}:"))
        if held_vnd != truth.held_vnd:
            yield f"{name} holds {truth.held_vnd} đồng by its own truth, {held_vnd} by the hub's ledger"


def _compare_orders(
    banks: dict[str, BankTruth], orders: list[dict[str, Any]], unapplied: list[dict[str, Any]]
) -> Iterator[str]:
    """Allocated + unapplied + refunded = what the banks moved."""
    moved_vnd = sum(truth.paid_vnd - truth.reversed_vnd for truth in banks.values())
    known_vnd = sum(order["paid_vnd"] + order["unapplied_vnd"] + order["refunded_vnd"] for order in orders)
    nameless_vnd = sum(item["amount_vnd"] for item in unapplied if item["order_id"] is None)
    if moved_vnd != known_vnd + nameless_vnd:
        yield f"the banks moved {moved_vnd} đồng, the hub knows of {known_vnd + nameless_vnd}"
    waiting_vnd = sum(order["unapplied_vnd"] for order in orders) + nameless_vnd
    listed_vnd = sum(item["amount_vnd"] for item in unapplied)
    if waiting_vnd != listed_vnd:
        yield f"orders have {waiting_vnd} đồng unapplied, the list of unapplied money {listed_vnd}"
    for order in orders:
        covered = order["paid_vnd"] + order["refunded_vnd"] == order["amount_vnd"] or "reversed" in order["labels"]
        if (order["status"] == "paid") != covered:
            yield f"{order['reference']} is {order['status']} with {order['paid_vnd']} of {order['amount_vnd']} đồng"


def _compare_portal(scenes: list[Scene], book: dict[str, Counter[str]]) -> Iterator[str]:
    """The portal verified exactly one callback of each fact."""
    for scene in scenes:
        told = book.get(scene.order_id, Counter())
        if told != Counter(scene.wanted.told):
            yield f"{scene.title}: the portal was told {dict(told)}, not {list(scene.wanted.told)}"


async def _own_checks(settings: Settings) -> list[str]:
    """`paygw ledger check`: every invariant of the money rules, recomputed from the tables."""
    async with build_hub(settings, application="paygw-judge") as hub, hub.pool.acquire() as connection:
        return await find_violations(connection, mode=hub.settings.funds)
