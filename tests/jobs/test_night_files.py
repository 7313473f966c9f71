"""The files of a night: kept like every file, read apart, matched and settled as they are told."""

from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from paygw.hub.breaks import list_breaks
from paygw.hub.file_lines import find_line
from paygw.hub.filed import find_files
from paygw.hub.hub import Hub
from paygw.hub.intake import FileAsk, claim, receive_file
from paygw.jobs.nightly import reconcile
from paygw.kernel.errors import Refused
from tests.hub.world import FEE_VND, right_books
from tests.jobs.night_world import BANK, counts, night_hub, only, paid_at_bank, sandbox, yesterday
from tests.sandbox_fixtures import SandboxProcess

__all__ = ["night_hub", "sandbox"]  # fixtures
pytestmark = [pytest.mark.db, pytest.mark.net]


async def test_a_file_that_does_not_add_up_moves_nothing(
    night_hub: Hub, sandbox: SandboxProcess, tmp_path: Path
) -> None:
    async with right_books(night_hub) as hub:
        await paid_at_bank(hub, sandbox, "HS-1")
        bad = tmp_path / "bad.csv"
        text = only(sandbox, tmp_path, str(sandbox.truth(BANK)[-1]["bank_txn_id"])).read_text(encoding="utf-8")
        bad.write_text(text.replace(f"TRAILER,1,,{FEE_VND}", f"TRAILER,1,,{FEE_VND + 1}"), encoding="utf-8", newline="")

        run = await reconcile(hub, BANK, yesterday(), files={"settlement": bad})

        assert run["status"] == "waiting"
        assert "Control total total_vnd" in run["waits_for"]
        assert (await counts(hub))["settlement_lines"] == 0
        assert [one["kind"] for one in (await list_breaks(hub, bank=BANK))["items"]] == ["control_total_differs"]


async def test_what_the_night_fetched_is_kept_like_every_file(night_hub: Hub, sandbox: SandboxProcess) -> None:
    async with right_books(night_hub) as hub:
        await paid_at_bank(hub, sandbox, "HS-1")
        served = sandbox.ask("GET", f"/{BANK}/v1/settlements/{yesterday()}.csv").encode()
        await reconcile(hub, BANK, yesterday())

        files = {one["profile"]: one for one in (await find_files(hub, bank=BANK, limit=10))["items"]}
        async with hub.pool.acquire() as connection:
            sealed = await connection.fetchval("SELECT content FROM bank_files WHERE profile = 'sandbox-settlement'")

        assert {name: (one["state"], one["source"], one["brought_by"]) for name, one in files.items()} == {
            "sandbox-settlement": ("staged", "bank", "night"),
            "sandbox-statement": ("staged", "bank", "night"),
        }
        assert files["sandbox-settlement"]["digest"] == sha256(served).hexdigest()
        assert served[:40] not in sealed


async def test_a_line_that_was_read_is_found_by_its_name_with_its_text(
    night_hub: Hub, sandbox: SandboxProcess, tmp_path: Path
) -> None:
    async with right_books(night_hub) as hub:
        await paid_at_bank(hub, sandbox, "HS-1")
        txn = str(sandbox.truth(BANK)[-1]["bank_txn_id"])
        head, own, trailer = sandbox.ask("GET", f"/{BANK}/v1/statements/{yesterday()}.csv").splitlines()
        path = tmp_path / "statement.csv"
        text = "\r\n".join([head, own.rpartition(",")[0] + ",NGUYEN VAN A nop", trailer, ""])
        path.write_text(text, encoding="utf-8", newline="")
        await reconcile(hub, BANK, yesterday(), files={"statement": path, "settlement": none_settled(tmp_path)})

        async with hub.pool.acquire() as connection:
            line = await find_line(hub, connection, bank=BANK, day=yesterday(), bank_txn_id=txn, ref="")
            sealed = await connection.fetchval("SELECT memo FROM night_lines WHERE bank_txn_id = $1", txn)

        assert line is not None
        assert (line.kind, line.amount_vnd, line.memo) == ("statement", FEE_VND, "NGUYEN VAN A nop")
        assert b"NGUYEN" not in sealed


def none_settled(folder: Path) -> Path:
    """The settlement of a day without lines."""
    path = folder / "empty.csv"
    head = "ref,bank_txn_id,kind,amount_vnd,fee_vnd,status,occurred_at,settled_on"
    path.write_text(f"{head}\r\nTRAILER,0,,0,0,,,\r\n", encoding="utf-8", newline="")
    return path


async def test_a_corrected_file_is_a_further_reading_and_batch(
    night_hub: Hub, sandbox: SandboxProcess, tmp_path: Path
) -> None:
    async with right_books(night_hub) as hub:
        await paid_at_bank(hub, sandbox, "HS-1")
        first = only(sandbox, tmp_path, str(sandbox.truth(BANK)[-1]["bank_txn_id"]))
        await reconcile(hub, BANK, yesterday(), files={"settlement": first})
        await paid_at_bank(hub, sandbox, "HS-2", heard=False)
        whole = tmp_path / "whole.csv"
        whole.write_text(sandbox.ask("GET", f"/{BANK}/v1/settlements/{yesterday()}.csv"), encoding="utf-8", newline="")

        more = await reconcile(hub, BANK, yesterday(), files={"settlement": whole})
        before = await counts(hub)
        again = await reconcile(hub, BANK, yesterday())

        async with hub.pool.acquire() as connection:
            batches = await connection.fetch("SELECT DISTINCT batch FROM settlement_lines ORDER BY 1")
        assert [row["batch"] for row in batches] == [str(yesterday()), f"{yesterday()}.2"]
        assert (more["steps"]["settle"]["settled"], again["steps"]["settle"]["settled"]) == (1, 0)
        assert await counts(hub) == before


async def test_the_file_of_another_day_is_refused(night_hub: Hub, sandbox: SandboxProcess, tmp_path: Path) -> None:
    async with right_books(night_hub) as hub:
        await paid_at_bank(hub, sandbox, "HS-1")
        old = tmp_path / "old.csv"
        text = only(sandbox, tmp_path, str(sandbox.truth(BANK)[-1]["bank_txn_id"])).read_text(encoding="utf-8")
        shifted = text.replace(str(yesterday()), str(yesterday() - timedelta(days=3)))
        old.write_text(shifted, encoding="utf-8", newline="")

        run = await reconcile(hub, BANK, yesterday(), files={"settlement": old})

        assert run["status"] == "waiting"
        assert str(yesterday() - timedelta(days=3)) in run["waits_for"]


async def test_a_night_whose_reader_died_reads_the_file_itself(night_hub: Hub, sandbox: SandboxProcess) -> None:
    async with right_books(night_hub) as hub:
        await paid_at_bank(hub, sandbox, "HS-1")
        data = sandbox.ask("GET", f"/{BANK}/v1/settlements/{yesterday()}.csv").encode()
        ask = FileAsk(bank=BANK, profile="sandbox-settlement", data=data, name="s", source="bank", by="night",
                      day=yesterday())  # fmt: skip
        await receive_file(hub, ask)
        assert await claim(hub) is not None  # leased, and nobody comes back

        done = await reconcile(hub, BANK, yesterday())

        assert (done["status"], done["steps"]["settle"]["settled"]) == ("done", 1)


async def test_a_day_larger_than_a_night_waits_and_says_what_to_do(night_hub: Hub, sandbox: SandboxProcess) -> None:
    small = replace(night_hub, settings=night_hub.settings.model_copy(update={"night_lines_max": 1}))
    async with right_books(small) as hub:
        for name in ("HS-1", "HS-2"):
            await paid_at_bank(hub, sandbox, name)

        run = await reconcile(hub, BANK, yesterday())

        assert run["status"] == "waiting"
        assert "has 2 lines and a night matches 1" in run["waits_for"]
        assert "PAYGW_NIGHT_LINES_MAX" in run["waits_for"]
        assert (await counts(hub))["settlement_lines"] == 0


async def test_a_bank_that_is_away_leaves_the_night_waiting(night_hub: Hub, sandbox: SandboxProcess) -> None:
    async with right_books(night_hub) as hub:
        await paid_at_bank(hub, sandbox, "HS-1")
        there = hub.registry.banks[BANK]
        away = replace(there, secrets=replace(there.secrets, base_url="http://127.0.0.1:9/x"))
        hub.registry_holder.now = replace(hub.registry, banks={**hub.registry.banks, BANK: away})
        first = await reconcile(hub, BANK, yesterday())
        hub.registry_holder.now = replace(hub.registry, banks={**hub.registry.banks, BANK: there})

        second = await reconcile(hub, BANK, yesterday())
        hub.registry_holder.now = replace(hub.registry, banks={**hub.registry.banks, BANK: away})
        third = await reconcile(hub, BANK, yesterday())

        assert (first["status"], second["status"], third["status"]) == ("waiting", "done", "done")


async def test_one_payment_told_in_two_lines_is_settled_once_as_it_is_booked(
    night_hub: Hub, sandbox: SandboxProcess, tmp_path: Path
) -> None:
    async with right_books(night_hub) as hub:
        await paid_at_bank(hub, sandbox, "HS-1")
        txn = str(sandbox.truth(BANK)[-1]["bank_txn_id"])
        head, own, *_ = only(sandbox, tmp_path, txn).read_text(encoding="utf-8").splitlines()
        parts = [own.replace(txn, f"{txn}{n}").replace(f",{FEE_VND},", f",{amount_vnd},")
                 for n, amount_vnd in ((1, 5_000), (2, FEE_VND - 5_000))]  # fmt: skip
        split = tmp_path / "split.csv"
        text = "\r\n".join([head, *parts, f"TRAILER,2,,{FEE_VND},0,,,", ""])
        split.write_text(text, encoding="utf-8", newline="")

        done = await reconcile(hub, BANK, yesterday(), files={"settlement": split})
        before = await counts(hub)
        again = await reconcile(hub, BANK, yesterday(), files={"settlement": split})

        assert (done["status"], done["breaks"], done["steps"]["match"]["matched"]) == ("done", [], 2)
        assert (done["steps"]["settle"]["settled"], again["steps"]["settle"]["known"]) == (1, 1)
        assert (before["receipts"], before["settlement_lines"]) == (1, 1)
        assert await counts(hub) == before


async def test_what_a_file_names_of_an_earlier_day_is_found_in_the_book(
    night_hub: Hub, sandbox: SandboxProcess, tmp_path: Path
) -> None:
    async with right_books(night_hub) as hub:
        await paid_at_bank(hub, sandbox, "HS-0", days_ago=4)
        await paid_at_bank(hub, sandbox, "HS-1")
        days = [yesterday() - timedelta(days=4), yesterday()]
        head, own, late = (sandbox.ask("GET", f"/{BANK}/v1/settlements/{day}.csv").splitlines()[n]
                           for day, n in ((days[1], 0), (days[1], 1), (days[0], 1)))  # fmt: skip
        path = tmp_path / "late.csv"
        text = "\r\n".join([head, own, late, f"TRAILER,2,,{2 * FEE_VND},0,,,", ""])
        path.write_text(text, encoding="utf-8", newline="")

        done = await reconcile(hub, BANK, yesterday(), files={"settlement": path})

        assert (done["breaks"], done["steps"]["match"]) == ([], {"lines": 2, "matched": 2, "breaks": 0, "opened": 0})
        assert done["steps"]["settle"]["settled"] == 2


async def test_a_fee_off_the_banks_tariff_is_a_break_until_the_tariff_says_it(
    night_hub: Hub, sandbox: SandboxProcess
) -> None:
    async with right_books(night_hub) as hub:
        await paid_at_bank(hub, sandbox, "HS-1")

        first = await reconcile(charging(hub, '[{"fixed_vnd": 1100}]'), BANK, yesterday())
        (found,) = (await list_breaks(hub, bank=BANK))["items"]
        await reconcile(charging(hub, '[{"rate_ppm": 0}]'), BANK, yesterday())
        (closed,) = (await list_breaks(hub, bank=BANK))["items"]

        assert [(one["kind"], one["book_amount_vnd"], one["statement_amount_vnd"]) for one in first["breaks"]] == [
            ("fee_differs", 1_100, 0)
        ]
        assert (found["kind"], found["status"], found["risk_vnd"]) == ("fee_differs", "open", 1_100)
        assert (closed["status"], closed["automatic"]) == ("resolved", True)


async def test_a_tariff_that_is_none_is_said_before_the_night_begins(night_hub: Hub) -> None:
    with pytest.raises(Refused, match="option fee_tariff of sandbox-a"):
        await reconcile(charging(night_hub, '[{"per_cent": 2}]'), BANK, yesterday())


def charging(hub: Hub, tariff: str) -> Hub:
    """The bank with a tariff."""
    bank = hub.registry.banks[BANK]
    secrets = replace(bank.secrets, options={**bank.secrets.options, "fee_tariff": tariff})
    hub.registry_holder.now = replace(hub.registry, banks={**hub.registry.banks, BANK: replace(bank, secrets=secrets)})
    return hub
