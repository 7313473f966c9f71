"""A hub and a sandbox bank whose day is over, and what its nights may write."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest

from paygw.hub.hub import Hub
from paygw.kernel.connector import Secrets
from paygw.kernel.decide import VIETNAM, Landing
from paygw.kernel.evidence import PaymentSeen
from paygw.kernel.orders import Attempt
from paygw.outside.bank_http import BankLimits, bank_http
from tests.hub.world import FEE_VND, ordered, redirected, told
from tests.hub_fixtures import Clock, Counts
from tests.sandbox_fixtures import KEY, SandboxProcess

BANK = "sandbox-a"


@pytest.fixture
def sandbox(idle_sandbox: SandboxProcess) -> SandboxProcess:
    """Banks of each test's own: a file holds one day whole."""
    idle_sandbox.start()
    return idle_sandbox


@pytest.fixture
async def night_hub(hub: Hub, sandbox: SandboxProcess) -> AsyncIterator[Hub]:
    """A routing hub whose bank is a sandbox process; its clock is the real one, a day ahead of what is paid."""
    known = hub.registry.banks[BANK]
    secrets = Secrets(
        base_url=f"{sandbox.root}/{BANK}", merchant="PAYGW", values={"secret": KEY}, options={"flow": "redirect"}
    )
    bank = replace(known, secrets=secrets, landing=Landing(holder="retained@G22.99"))
    hub.registry_holder.now = replace(hub.registry, banks={**hub.registry.banks, BANK: bank})
    async with bank_http(limits=BankLimits(), observer=Counts()) as talk:
        yield replace(hub, talk=talk, clock=Clock(datetime.now(UTC)))


def yesterday() -> date:
    return datetime.now(UTC).astimezone(VIETNAM).date() - timedelta(days=1)


def at_noon(day: date) -> datetime:
    return datetime.combine(day, time(12), VIETNAM)


async def paid_at_bank(
    hub: Hub, sandbox: SandboxProcess, reference: str, *, heard: bool = True, days_ago: int = 0
) -> Attempt:
    """A payment the bank really has, yesterday or days before; the hub hears of it or not."""
    order_id = await ordered(hub, reference)
    attempt = await redirected(hub, order_id)
    made = sandbox.control(
        BANK,
        "payments",
        attempt_ref=attempt.ref,
        amount_vnd=attempt.amount_vnd,
        occurred_at=at_noon(yesterday() - timedelta(days=days_ago)).isoformat(),
    )["payments"][0]
    if heard:
        seen = PaymentSeen(
            attempt_ref=attempt.ref,
            bank_txn_id=made["bank_txn_id"],
            amount_vnd=made["amount_vnd"],
            occurred_at=datetime.fromisoformat(made["occurred_at"]),
            merchant="PAYGW",
            account=made["account"],
        )
        await told(hub, seen, event=f"heard-{reference}")
    return attempt


async def counts(hub: Hub) -> dict[str, int]:
    """How many rows everything has that a night may write."""
    tables = (
        *("ledger", "evidence", "receipts", "settlement_lines", "settlements", "movements", "batch_credits", "breaks"),
        *("break_notes", "minutes", "bank_files", "file_lines", "night_readings", "deliveries", "cases"),
    )
    async with hub.pool.acquire() as connection:
        return {name: await connection.fetchval(f"SELECT count(*) FROM {name}") for name in tables}  # noqa: S608 - names above


def only(sandbox: SandboxProcess, folder: Path, txn: str) -> Path:
    """The settlement of one transaction alone (the sandbox serves all tests of this module)."""
    lines = sandbox.ask("GET", f"/{BANK}/v1/settlements/{yesterday()}.csv").splitlines()
    own = next(line for line in lines if txn in line)
    path = folder / "settlement.csv"
    path.write_text("\r\n".join([lines[0], own, f"TRAILER,1,,{FEE_VND},0,,,", ""]), encoding="utf-8", newline="")
    return path
