"""The scenes: each does what people, banks and portals do, and says what must be true afterwards."""

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from paygw.cli.demo.citizen import until
from paygw.cli.demo.world import World
from paygw.settings import child_environment

CERTIFICATE: Final = {
    "procedure": "2.000488",
    "as_of": "2026-11-23",
    "facts": {"birth_date": "1990-05-20", "copies": 3},
}
ID_CARD: Final = {"procedure": "2.001195", "as_of": "2026-11-23", "facts": {"request": "reissue"}}
CERTIFICATE_VND: Final = 205_000
ID_CARD_VND: Final = 35_000
_PATIENCE_S: Final = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What an order must come to. `told` are the callbacks the portal must have verified."""

    status: str
    paid_vnd: int = 0
    unapplied_vnd: int = 0
    refunded_vnd: int = 0
    label: str = ""
    told: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Scene:
    """One scene after it was played."""

    title: str
    order_id: str
    wanted: Wanted
    seen: dict[str, Any]
    wrong: str = ""


Play = Callable[[World], Awaitable[Scene]]


async def _order(world: World, reference: str, *questions: dict[str, Any], **more: str) -> dict[str, Any]:
    """Quote the first procedure, then order all: the portal's two calls."""
    status, quoted = await world.api("POST", "/v1/quotes", questions[0])
    if status != 200:  # noqa: PLR2004 - HTTP
        raise RuntimeError(f"no quote: {quoted}")
    lines = [
        {"dossier_code": f"G22.99-261123-{reference}-{at}", "collecting_body": "G22.99", **question}
        for at, question in enumerate(questions[1:], start=1)
    ]
    first = {
        "dossier_code": f"G22.99-261123-{reference}-0",
        "collecting_body": "G22.99",
        "quote_token": quoted["quote_token"],
    }
    body = {
        "reference": reference,
        "lines": [first, *lines],
        "return_url": f"{world.portal_url}/return",
        "payer": {"name": "Nguyễn Thị Hồng"},
        **more,
    }
    status, made = await world.api("POST", "/v1/orders", body)
    if status != 201:  # noqa: PLR2004 - HTTP
        raise RuntimeError(f"no order: {made}")
    order: dict[str, Any] = made
    return order


async def _come_true(world: World, title: str, order_id: str, wanted: Wanted) -> Scene:
    """Wait until the order is what it must be; what is still wrong then is the scene's finding."""
    patience = await until(title, seconds=_PATIENCE_S)
    while True:
        _, seen = await world.api("GET", f"/v1/orders/{order_id}")
        wrong = _difference(seen, wanted)
        if not wrong:
            return Scene(title, order_id, wanted, seen)
        try:
            await patience.again()
        except TimeoutError:
            return Scene(title, order_id, wanted, seen, wrong)


def _difference(seen: dict[str, Any], wanted: Wanted) -> str:
    names = ("status", "paid_vnd", "unapplied_vnd", "refunded_vnd")
    wrong = [
        f"{name} {seen.get(name)}, not {getattr(wanted, name)}"
        for name in names
        if seen.get(name) != getattr(wanted, name)
    ]
    if wanted.label and wanted.label not in seen.get("labels", []):
        wrong.append(f"not {wanted.label}")
    return "; ".join(wrong)


async def from_portal(world: World) -> Scene:
    """A citizen presses "Nộp phí" at the portal, pays at a bank reached by redirect, and comes back."""
    portal = await world.citizen.open(world.portal_url)
    dossier = next(line["code"] for line in await world.portal_lines() if line["fact"] == "dossier")
    page = await world.citizen.open(f"{portal.url}/dossiers/{dossier}")
    checkout = await world.citizen.submit(page)
    await world.citizen.pay(checkout.url, "sandbox-a")
    order = next(line["order"] for line in await world.portal_lines() if line["fact"] == "ordered")
    wanted = Wanted(status="paid", paid_vnd=order["amount_vnd"], told=("order.paid",))
    return await _come_true(world, "Nộp phí từ cổng dịch vụ công · from the portal", order["id"], wanted)


async def redirect_bank(world: World) -> Scene:
    """A citizen pays at a bank that is reached by redirect."""
    order = await _order(world, "HS-0001", CERTIFICATE)
    await world.citizen.pay(order["pay_url"], "sandbox-a")
    wanted = Wanted(status="paid", paid_vnd=CERTIFICATE_VND, told=("order.paid",))
    return await _come_true(world, "Trả qua ngân hàng A (chuyển hướng) · pays at bank A", order["id"], wanted)


async def server_bank(world: World) -> Scene:
    """The same at a bank that the hub calls first."""
    order = await _order(world, "HS-0002", CERTIFICATE)
    await world.citizen.pay(order["pay_url"], "sandbox-b")
    wanted = Wanted(status="paid", paid_vnd=CERTIFICATE_VND, told=("order.paid",))
    return await _come_true(world, "Trả qua ngân hàng B (gọi máy chủ) · pays at bank B", order["id"], wanted)


async def told_again(world: World) -> Scene:
    """The bank sends the news three more times under new event ids."""
    order = await _order(world, "HS-0003", CERTIFICATE)
    await world.citizen.pay(order["pay_url"], "sandbox-a")
    wanted = Wanted(status="paid", paid_vnd=CERTIFICATE_VND, told=("order.paid",))
    scene = await _come_true(world, "Báo lặp lại · told again", order["id"], wanted)
    payment = world.truth("sandbox-a")[-1]
    await world.bank_does("sandbox-a", "webhooks/resend", {"bank_txn_id": payment["bank_txn_id"], "copies": 3})
    await asyncio.sleep(1)
    return await _come_true(world, scene.title, order["id"], wanted)


async def short_then_rest(world: World) -> Scene:
    """Too little arrives, then the rest."""
    order = await _order(world, "HS-0004", CERTIFICATE)
    ref = await _started(world, order, "sandbox-b")
    await world.bank_does("sandbox-b", "payments", {"attempt_ref": ref, "amount_vnd": 5_000})
    part = Wanted(status="partially_paid", unapplied_vnd=5_000)
    first = await _come_true(world, "Trả thiếu, rồi trả nốt · short, then the rest", order["id"], part)
    if first.wrong:
        return first
    await world.bank_does("sandbox-b", "payments", {"attempt_ref": ref, "amount_vnd": CERTIFICATE_VND - 5_000})
    wanted = Wanted(status="paid", paid_vnd=CERTIFICATE_VND, told=("order.partially_paid", "order.paid"))
    return await _come_true(world, first.title, order["id"], wanted)


async def paid_twice(world: World) -> Scene:
    """Two payments arrive for one order: the second stays the payer's."""
    order = await _order(world, "HS-0005", CERTIFICATE)
    ref = await _started(world, order, "sandbox-a")
    await world.bank_does("sandbox-a", "payments", {"attempt_ref": ref, "payments": 2})
    wanted = Wanted(
        status="paid",
        paid_vnd=CERTIFICATE_VND,
        unapplied_vnd=CERTIFICATE_VND,
        told=("order.paid", "money.unapplied"),
    )
    return await _come_true(world, "Trả hai lần · two payments", order["id"], wanted)


async def late(world: World) -> Scene:
    """The order expires, then the money comes."""
    expires_at = (datetime.now(UTC) + timedelta(seconds=5)).isoformat()
    order = await _order(world, "HS-0006", CERTIFICATE, expires_at=expires_at)
    ref = await _started(world, order, "sandbox-b")
    title = "Tiền đến muộn · late money"
    closed = await _come_true(world, title, order["id"], Wanted(status="expired"))
    if closed.wrong:
        return closed
    await world.bank_does("sandbox-b", "payments", {"attempt_ref": ref})
    wanted = Wanted(status="expired", unapplied_vnd=CERTIFICATE_VND, told=("order.expired", "money.unapplied"))
    return await _come_true(world, title, order["id"], wanted)


async def cart(world: World) -> Scene:
    """Two dossiers of two procedures in one payment."""
    order = await _order(world, "HS-0007", CERTIFICATE, ID_CARD)
    await world.citizen.pay(order["pay_url"], "sandbox-b")
    wanted = Wanted(status="paid", paid_vnd=CERTIFICATE_VND + ID_CARD_VND, told=("order.paid",))
    return await _come_true(world, "Giỏ hai hồ sơ · a cart of two dossiers", order["id"], wanted)


async def refunded(world: World) -> Scene:
    """The portal asks, a second person approves, the bank gives back."""
    order = await _order(world, "HS-0008", CERTIFICATE)
    await world.citizen.pay(order["pay_url"], "sandbox-a")
    title = "Hoàn phí bản in thêm · a refund, two persons"
    first = await _come_true(world, title, order["id"], Wanted(status="paid", paid_vnd=CERTIFICATE_VND))
    if first.wrong:
        return first
    ask = {"source": "component", "line": 1, "component": "in_them", "amount_vnd": 5_000, "reason": "Thu thừa một bản"}
    status, refund = await world.api("POST", f"/v1/orders/{order['id']}/refunds", ask)
    if status != 201:  # noqa: PLR2004 - HTTP
        return replace(first, wrong=f"refund refused: {refund}")
    await asyncio.to_thread(_approve, world, refund["id"])
    wanted = Wanted(
        status="paid",
        paid_vnd=CERTIFICATE_VND - 5_000,
        refunded_vnd=5_000,
        label="partly_refunded",
        told=("order.paid", "refund.succeeded"),
    )
    return await _come_true(world, title, order["id"], wanted)


def _approve(world: World, refund_id: str) -> None:
    """`paygw refund approve`, as the approver would."""
    environment = child_environment(var=str(world.folder / "var"))
    command = [sys.executable, "-m", "paygw", "refund", "approve", refund_id, "--by", "minh"]
    subprocess.run(command, env=environment, check=True, capture_output=True)  # noqa: S603 - our own verb


async def reversed_payment(world: World) -> Scene:
    """The bank takes a payment back."""
    order = await _order(world, "HS-0009", CERTIFICATE)
    await world.citizen.pay(order["pay_url"], "sandbox-b")
    title = "Ngân hàng thu hồi · a reversal"
    first = await _come_true(world, title, order["id"], Wanted(status="paid", paid_vnd=CERTIFICATE_VND))
    if first.wrong:
        return first
    payment = next(line for line in reversed(world.truth("sandbox-b")) if line["kind"] == "payment")
    await world.bank_does("sandbox-b", "reversals", {"bank_txn_id": payment["bank_txn_id"]})
    wanted = Wanted(status="paid", label="reversed", told=("order.paid", "order.reversed"))
    return await _come_true(world, title, order["id"], wanted)


async def refused_then_other_bank(world: World) -> Scene:
    """The payer says no at one bank and pays at the other."""
    order = await _order(world, "HS-0010", ID_CARD)
    await world.citizen.pay(order["pay_url"], "sandbox-a", action="refuse")
    patience = await until("another way to pay", seconds=_PATIENCE_S)
    while not (await world.citizen.open(order["pay_url"])).forms:
        await patience.again()
    await world.citizen.pay(order["pay_url"], "sandbox-b")
    wanted = Wanted(status="paid", paid_vnd=ID_CARD_VND, told=("order.paid",))
    return await _come_true(world, "Từ chối ở A, trả ở B · refused, then paid", order["id"], wanted)


async def _started(world: World, order: dict[str, Any], bank: str) -> str:
    """Send the payer to the bank's page and stop there; the attempt's reference as the page names it."""
    page = await world.citizen.start(order["pay_url"], bank)
    return _reference_on(page.text)


def _reference_on(text: str) -> str:
    """Our reference, as the bank shows it to the payer."""
    start = text.index("P0")
    end = start
    while text[end : end + 1].isalnum():
        end += 1
    return text[start:end]


SCENES: Final[tuple[Play, ...]] = (
    from_portal,
    redirect_bank,
    server_bank,
    told_again,
    short_then_rest,
    paid_twice,
    late,
    cart,
    refunded,
    reversed_payment,
    refused_then_other_bank,
)
