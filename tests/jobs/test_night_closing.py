"""Nights of a bank that pays a batch in one net credit on a later day."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from paygw.hub.breaks import list_breaks
from paygw.hub.hub import Hub
from paygw.hub.position import prove_position
from paygw.jobs.nightly import Files, reconcile
from tests.hub.world import FEE_VND, right_books
from tests.jobs.night_world import BANK, counts, night_hub, paid_at_bank, sandbox, yesterday
from tests.sandbox_fixtures import SandboxProcess

__all__ = ["night_hub", "sandbox"]  # fixtures
pytestmark = [pytest.mark.db, pytest.mark.net]

CHARGED_VND = 1_100
HEAD = "account,bank_txn_id,direction,amount_vnd,balance_vnd,booked_at,ref,memo"


def charged(sandbox: SandboxProcess, day: date, folder: Path) -> Path:
    """The bank's settlement of a day, a fee on every payment."""
    head, *lines, _ = sandbox.ask("GET", f"/{BANK}/v1/settlements/{day}.csv").splitlines()
    told = [line.replace(f",{FEE_VND},0,", f",{FEE_VND},{CHARGED_VND},") for line in lines]
    total_vnd, fees_vnd = FEE_VND * len(lines), CHARGED_VND * len(lines)
    return written(folder / f"settlement-{day}.csv", head, *told, f"TRAILER,{len(told)},,{total_vnd},{fees_vnd},,,")


def stated(day: date, folder: Path, *credits_vnd: int) -> Path:
    """A statement with these credits and nothing else."""
    rows, balance_vnd = [], 0
    for n, amount_vnd in enumerate(credits_vnd):
        balance_vnd += amount_vnd
        at = f"{day}T10:00:0{n}+07:00"
        rows.append(f"1020304050,NET{day:%m%d}{n},credit,{amount_vnd},{balance_vnd},{at},,THANH TOAN QUYET TOAN")
    trailer = f"TRAILER,{len(rows)},,{balance_vnd},{balance_vnd},{day},0,"
    return written(folder / f"statement-{day}.csv", HEAD, *rows, trailer)


def written(path: Path, *lines: str) -> Path:
    path.write_text("\r\n".join([*lines, ""]), encoding="utf-8", newline="")
    return path


async def two_nights(hub: Hub, sandbox: SandboxProcess, folder: Path, net_vnd: int) -> list[dict[str, Any]]:
    """Paid on one day, passed on the next in one credit."""
    days = [yesterday() - timedelta(days=1), yesterday()]
    paths: list[Files] = [
        {"settlement": charged(sandbox, day, folder), "statement": stated(day, folder, *credits_vnd)}
        for day, credits_vnd in zip(days, [(), (net_vnd,)], strict=True)
    ]
    return [await reconcile(hub, BANK, day, files=files) for day, files in zip(days, paths, strict=True)]


async def open_kinds(hub: Hub) -> list[str]:
    return sorted(one["kind"] for one in (await list_breaks(hub, bank=BANK, status="open"))["items"])


@pytest.mark.parametrize("kept_vnd", [2 * CHARGED_VND, 0])
async def test_a_net_credit_of_the_next_day_closes_the_batch_it_pays(
    night_hub: Hub, sandbox: SandboxProcess, tmp_path: Path, kept_vnd: int
) -> None:
    async with right_books(night_hub) as hub:
        await paid_at_bank(hub, sandbox, "HS-1", days_ago=1)
        await paid_at_bank(hub, sandbox, "HS-2", days_ago=1, heard=False)
        net_vnd = 2 * FEE_VND - kept_vnd

        first, second = await two_nights(hub, sandbox, tmp_path, net_vnd)
        before = await counts(hub)
        await two_nights(hub, sandbox, tmp_path, net_vnd)

        async with hub.pool.acquire() as connection:
            batches = await connection.fetch("SELECT batch, fee_vnd, net_vnd, status FROM settlements")
            ties = await connection.fetch("SELECT batch, day, amount_vnd FROM batch_credits")
        assert (first["steps"]["close"]["matched"], second["steps"]["close"]["matched"]) == (0, 1)
        assert [tuple(row) for row in batches] == [(str(yesterday() - timedelta(days=1)), kept_vnd, net_vnd, "matched")]
        assert [tuple(row) for row in ties] == [(batches[0]["batch"], yesterday(), net_vnd)]
        assert await open_kinds(hub) == []
        assert (await prove_position(hub))["ok"]
        # the first day's minutes say now that its batch was paid
        assert await counts(hub) == before | {"minutes": before["minutes"] + 1}


async def test_a_net_credit_a_dong_short_is_found_and_ends_when_the_bank_pays(
    night_hub: Hub, sandbox: SandboxProcess, tmp_path: Path
) -> None:
    async with right_books(night_hub) as hub:
        await paid_at_bank(hub, sandbox, "HS-1", days_ago=1)
        net_vnd = FEE_VND - CHARGED_VND

        await two_nights(hub, sandbox, tmp_path, net_vnd - 1)
        (found,) = (await list_breaks(hub, bank=BANK, kind="net_total_differs"))["items"]
        corrected = stated(yesterday(), tmp_path, net_vnd)
        done = await reconcile(hub, BANK, yesterday(), files={"statement": corrected})

        assert (found["day"], found["status"]) == (str(yesterday() - timedelta(days=1)), "open")
        assert (found["book_amount_vnd"], found["statement_amount_vnd"]) == (FEE_VND, net_vnd - 1)
        assert done["steps"]["close"]["matched"] == 1
        assert await open_kinds(hub) == []
