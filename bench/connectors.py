"""What a protocol costs: signing and reading beside the bare cryptography, and webhooks through the whole hub.

    python -m bench.connectors [--messages N] [--orders N] [--rounds N] [--pure]

`sign` builds the first message to the bank, `read` verifies and reads a payment's webhook; `bare` is the HMAC (or RSA
verification) over as many bytes, all in one process, medians of rounds. `of sandbox` is a connector's rate of webhooks
over that of the sandbox connector in the same round on the same hub.
"""

import argparse
import asyncio
import hmac
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from bench.load import http_request, load
from bench.world import World, send_to_bank, start_world
from connectors import discover
from paygw.hub.provisioning import BankChange
from paygw.kernel.connector import Connector, HttpRequest, SessionAsk
from paygw.kernel.evidence import PaymentSeen
from paygw.simulators.side import BankSide, sides

CONNECTIONS: Final = 32
SANDBOX, SANDBOX_BANK = "sandbox", "sandbox-a"
_DIGESTS: Final[Mapping[str, str]] = {"vnpay": "sha512", "casso": "sha512"}  # all others: sha256
_GOOD: Final = range(200, 300)
_NUMBERS: Final = count(26_000_000)  # some banks number their transactions


@dataclass(frozen=True, slots=True)
class Cost:
    """Microseconds per message; 0 where the protocol has no such message."""

    name: str
    sign_us: float
    read_us: float
    bare_us: float
    bytes: int


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--messages", type=int, default=2_000)
    parser.add_argument("--orders", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pure", action="store_true", help="without the hub")
    asked = parser.parse_args()
    known, banks = discover(), sides()
    names = [name for name in known if name in banks]
    _print_costs([cost(known[name], banks[name], asked.messages) for name in names])
    if not asked.pure:
        telling = [name for name in names if name != SANDBOX and _tells(known[name], banks[name])]
        _print_rates(through_hub(telling, orders=asked.orders, rounds=asked.rounds))


def cost(connector: Connector, side: BankSide, messages: int) -> Cost:
    """What one protocol costs in this process."""
    now = datetime.now(UTC).replace(microsecond=0)
    ask = _ask(side.attempt_ref, now)
    reads = any(isinstance(seen, PaymentSeen) for seen in side.samples)
    message = (
        _payment(side, now, attempt_ref=side.attempt_ref, amount_vnd=150_000)
        if reads
        else HttpRequest(method="", url="")
    )
    signed = message.body or message.url.partition("?")[2].encode()
    starts = connector.build_redirect or connector.open_session
    return Cost(
        name=connector.name,
        sign_us=_took_us(lambda: _started(connector, ask, side), messages) if starts else 0.0,
        read_us=_took_us(lambda: connector.parse_webhook(message, side.secrets, now), messages) if reads else 0.0,
        bare_us=_took_us(_bare(connector.name, side, signed), messages),
        bytes=len(signed),
    )


def through_hub(names: list[str], *, orders: int, rounds: int) -> Mapping[str, list[float]]:
    """Webhooks per second of each connector, round by round; the sandbox's first."""
    banks = [_bank(name) for name in names]
    turn = [(SANDBOX_BANK, SANDBOX), *((bank.id, bank.connector) for bank in banks)]
    found: dict[str, list[float]] = {bank_id: [] for bank_id, _ in turn}
    with tempfile.TemporaryDirectory(prefix="paygw-bench-") as folder:
        Path(folder).chmod(0o755)
        with start_world(Path(folder), banks=banks) as world:
            for number in range(rounds):
                for bank_id, name in turn if number % 2 == 0 else reversed(turn):
                    found[bank_id].append(_rate(world, bank_id, name, f"{name}{number}", orders))
    return found


def _rate(world: World, bank_id: str, name: str, tag: str, orders: int) -> float:
    made = load(
        world.port,
        iter([world.create(tag, at) for at in range(orders)]),
        connections=CONNECTIONS,
        accept=lambda status: status in _GOOD,
    )
    begun = asyncio.run(_begin(world, bank_id, orders))
    sent = [_sent(world, bank_id, name, ref, vnd, str(next(_NUMBERS))) for ref, vnd in begun]
    run = load(world.port, iter(sent), connections=CONNECTIONS, accept=lambda status: status in _GOOD)
    if made.refused or run.refused or len(sent) < orders:
        raise RuntimeError(f"{name}: {made.refused} orders and {run.refused} webhooks of {len(sent)} were refused")
    return run.rate


def _sent(world: World, bank_id: str, name: str, ref: str, amount_vnd: int, txn: str) -> bytes:
    """The webhook of one payment; the sandbox bank signs the address it goes to as well."""
    if name == SANDBOX:
        return world.webhook(ref, amount_vnd, txn)
    now = datetime.now(UTC).replace(microsecond=0)
    message = _payment(sides()[name], now, attempt_ref=ref, amount_vnd=amount_vnd, bank_txn_id=txn)
    query = message.url.partition("?")[2]
    path = f"/webhooks/{bank_id}"
    return http_request(message.method, f"{path}?{query}" if query else path, dict(message.headers), message.body)


async def _begin(world: World, bank_id: str, orders: int) -> list[tuple[str, int]]:
    async with world.hub() as hub:
        async with hub.pool.acquire() as connection:
            rows = await connection.fetch(
                "SELECT id FROM orders WHERE portal_id = 'bench' AND status = 'open' ORDER BY created_at DESC LIMIT $1",
                orders,
            )
        return await send_to_bank(hub, [str(row["id"]) for row in rows], bank_id)


def _bank(name: str) -> BankChange:
    secrets = sides()[name].secrets
    return BankChange(
        id=f"bench-{name}", connector=name, title="", base_url="http://127.0.0.1:9", merchant=secrets.merchant,
        values=dict(secrets.values), options=dict(secrets.options), home="provider", account="", holder=None,
    )  # fmt: skip


def _tells(connector: Connector, side: BankSide) -> bool:
    """Whether it opens sessions and tells of payments by our reference, in letters and digits."""
    opens = connector.build_redirect or connector.open_session
    return bool(opens) and any(isinstance(seen, PaymentSeen) and seen.attempt_ref for seen in side.samples)


def _payment(side: BankSide, now: datetime, **facts: object) -> HttpRequest:
    sample = next(seen for seen in side.samples if isinstance(seen, PaymentSeen))
    if sample.attempt_ref is None:
        facts.pop("attempt_ref", None)
    told = replace(sample, **({"occurred_at": now} | facts))  # type: ignore[arg-type]  # the caller names the fields it means
    return side.tell(told, side.secrets, now)


def _ask(ref: str, now: datetime) -> SessionAsk:
    return SessionAsk(
        attempt_ref=ref,
        amount_vnd=150_000,
        description="Thanh toan phi 0123456789AB",
        return_url="https://hub.example/pay/token/return",
        webhook_url="https://hub.example/webhooks/bench",
        payer_ip="203.0.113.7",
        locale="vi",
        created_at=now,
        expires_at=now + timedelta(minutes=15),
    )


def _started(connector: Connector, ask: SessionAsk, side: BankSide) -> object:
    if connector.build_redirect is not None:
        return connector.build_redirect(ask, side.secrets)
    if connector.open_session is None:
        return None
    dialogue = connector.open_session(ask, side.secrets)
    with suppress(StopIteration):
        return next(dialogue)
    return None


def _bare(name: str, side: BankSide, signed: bytes) -> Callable[[], object]:
    """The cryptography alone, over as many bytes."""
    if any("BEGIN" in value for value in side.secrets.values.values()):
        key = rsa.generate_private_key(65537, 2048)
        made, public = key.sign(signed, padding.PKCS1v15(), SHA256()), key.public_key()
        return lambda: public.verify(made, signed, padding.PKCS1v15(), SHA256())
    digest, secret = _DIGESTS.get(name, "sha256"), b"k" * 32
    return lambda: hmac.digest(secret, signed, digest)


def _took_us(work: Callable[[], object], messages: int) -> float:
    """The median of five rounds, in microseconds per call."""
    rounds = []
    for _ in range(5):
        started = time.perf_counter()
        for _ in range(messages):
            work()
        rounds.append(1e6 * (time.perf_counter() - started) / messages)
    return statistics.median(rounds)


def _print_costs(costs: list[Cost]) -> None:
    sys.stdout.write(f"{'connector':<14}{'sign us':>9}{'read us':>9}{'bare us':>9}{'read/bare':>11}{'bytes':>8}\n")
    for item in costs:
        told = [f"{value:.1f}" if value else "-" for value in (item.sign_us, item.read_us)]
        times = f"{item.read_us / item.bare_us:.1f}" if item.read_us else "-"
        sys.stdout.write(f"{item.name:<14}{told[0]:>9}{told[1]:>9}{item.bare_us:>9.2f}{times:>11}{item.bytes:>8}\n")


def _print_rates(found: Mapping[str, list[float]]) -> None:
    base = found[SANDBOX_BANK]
    sys.stdout.write(f"\n{'bank':<22}{'webhooks/s':>12}{'of sandbox':>12}\n")
    for name, rates in found.items():
        share = statistics.median(rate / other for rate, other in zip(rates, base, strict=True))
        sys.stdout.write(f"{name:<22}{statistics.median(rates):>12.0f}{share:>12.2f}\n")


if __name__ == "__main__":
    main()
