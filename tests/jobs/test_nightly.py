"""Whole nights against real sandbox banks over HTTP: repaired, settled, closed, written down; twice is once."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from paygw.hub.breaks import list_breaks
from paygw.hub.hub import Hub
from paygw.hub.intake import FileAsk, receive_file
from paygw.hub.minutes import read_minutes
from paygw.hub.nights import show_night
from paygw.hub.payees import list_due
from paygw.hub.position import prove_position
from paygw.jobs.nightly import reconcile
from paygw.jobs.staging import stage_received
from paygw.kernel.decide import Landing
from paygw.kernel.errors import Refused
from tests.hub.world import FEE_VND, balances, later, right_books
from tests.jobs.night_world import BANK, counts, night_hub, only, paid_at_bank, sandbox, yesterday
from tests.sandbox_fixtures import SandboxProcess

__all__ = ["night_hub", "sandbox"]  # fixtures
pytestmark = [pytest.mark.db, pytest.mark.net]


async def test_a_lost_webhook_is_repaired_and_the_day_settled(night_hub: Hub, sandbox: SandboxProcess) -> None:
    async with right_books(night_hub) as hub:
        day = yesterday()
        await paid_at_bank(hub, sandbox, "HS-1")
        await paid_at_bank(hub, sandbox, "HS-2", heard=False)

        look = await reconcile(hub, BANK, day, mode="dry_run")
        before = await counts(hub)
        first = await reconcile(hub, BANK, day)

        assert [one["kind"] for one in look["breaks"]] == ["status_differs"]
        assert (before["bank_files"], before["breaks"], before["minutes"]) == (0, 0, 0)
        assert (first["status"], first["breaks"]) == ("done", [])
        assert first["steps"]["settle"]["settled"] == 2
        assert first["steps"]["close"]["matched"] == 1
        assert (await balances(hub))["RB:retained@G22.99:held"] > 0
        known = await list_breaks(hub, bank=BANK)
        assert [(one["kind"], one["status"], one["automatic"]) for one in known["items"]] == [
            ("status_differs", "resolved", True)
        ]
        assert (await prove_position(hub))["ok"]


@pytest.mark.parametrize("way", ["filed", "fetched"])
async def test_a_bank_that_offers_no_files_is_reconciled_by_what_was_filed(
    night_hub: Hub, sandbox: SandboxProcess, way: str
) -> None:
    async with right_books(night_hub) as hub:
        await paid_at_bank(hub, sandbox, "HS-1")
        await paid_at_bank(hub, sandbox, "HS-2", heard=False)
        if way == "filed":
            await file_the_day(hub, sandbox)
            bank = hub.registry.banks[BANK]
            silent = replace(bank, connector=replace(bank.connector, fetch_file=None))
            hub.registry_holder.now = replace(hub.registry, banks={**hub.registry.banks, BANK: silent})

        done = await reconcile(hub, BANK, yesterday())
        before = await counts(hub)
        await reconcile(hub, BANK, yesterday())

        assert (done["status"], done["breaks"]) == ("done", [])
        assert done["steps"]["fetch"] == {"settlement": 2, "statement": 2}
        assert done["steps"]["settle"]["settled"] == 2
        assert await counts(hub) == before


async def file_the_day(hub: Hub, sandbox: SandboxProcess) -> None:
    """Bring the bank's two files of yesterday by hand."""
    for kind in ("settlement", "statement"):
        data = sandbox.ask("GET", f"/{BANK}/v1/{kind}s/{yesterday()}.csv").encode()
        ask = FileAsk(bank=BANK, profile=f"sandbox-{kind}", data=data, name=kind, source="cli", by="operator")
        await receive_file(hub, ask)
    assert await stage_received(hub) == 0


async def test_the_same_night_twice_changes_nothing(night_hub: Hub, sandbox: SandboxProcess) -> None:
    async with right_books(night_hub) as hub:
        await paid_at_bank(hub, sandbox, "HS-1")
        await paid_at_bank(hub, sandbox, "HS-2", heard=False)
        await reconcile(hub, BANK, yesterday())
        before, stood = await counts(hub), await balances(hub)
        minutes = await read_minutes(hub, BANK, yesterday())

        again = await reconcile(hub, BANK, yesterday())

        assert (await counts(hub), await balances(hub)) == (before, stood)
        assert again["steps"]["settle"] == {"settled": 0, "known": 2, "evidence_only": 0, "homeless": 0}
        assert (await read_minutes(hub, BANK, yesterday()))["content_hash"] == minutes["content_hash"]


async def test_a_night_run_again_is_still_known_as_it_was(night_hub: Hub, sandbox: SandboxProcess) -> None:
    """Run once more after a late payment, the night of before could not be seen any more."""
    async with right_books(night_hub) as hub:
        await paid_at_bank(hub, sandbox, "HS-1")
        await reconcile(hub, BANK, yesterday())
        then = await show_night(hub, BANK, yesterday())
        await paid_at_bank(hub, sandbox, "HS-2", heard=False)
        await reconcile(hub, BANK, yesterday())

        first = await show_night(hub, BANK, yesterday(), 1)
        last = await show_night(hub, BANK, yesterday())

        held = [sum(one["vnd"] for one in night["position"]) for night in (then, first, last)]
        assert held == [FEE_VND, FEE_VND, 2 * FEE_VND]
        assert [one["minutes"]["no"] for one in (then, first, last)] == [1, 1, 2]
        assert [one["run"] for one in last["runs"]] == [1, 2]
        assert (first["steps"], first["known_at"]) == (then["steps"], then["known_at"])
        with pytest.raises(Refused, match="1, 2"):
            await show_night(hub, BANK, yesterday(), 3)


async def test_two_at_once_are_one(night_hub: Hub, sandbox: SandboxProcess) -> None:
    async with right_books(night_hub) as hub:
        await paid_at_bank(hub, sandbox, "HS-1", heard=False)

        runs = await asyncio.gather(*(reconcile(hub, BANK, yesterday()) for _ in range(4)), return_exceptions=True)

        refused = [one for one in runs if isinstance(one, Refused)]
        assert {one.code for one in refused} <= {"night_running"}
        assert any(isinstance(one, dict) and one["status"] == "done" for one in runs)
        assert (await counts(hub))["settlement_lines"] == 1


async def test_reversals_and_refunds_of_the_file_are_evidence_first(night_hub: Hub, sandbox: SandboxProcess) -> None:
    async with right_books(night_hub) as hub:
        attempt = await paid_at_bank(hub, sandbox, "HS-1")
        txn = sandbox.truth(BANK)[-1]["bank_txn_id"]
        header = sandbox.ask("GET", f"/{BANK}/v1/settlements/{yesterday()}.csv").splitlines()
        own = next(line for line in header if txn in line)
        reversal = own.replace(",payment,", ",reversal,")
        path = Path(sandbox.folder) / "with-reversal.csv"
        trailer = f"TRAILER,2,,{2 * FEE_VND},0,,,"
        path.write_text("\r\n".join([header[0], own, reversal, trailer, ""]), encoding="utf-8", newline="")

        done = await reconcile(hub, BANK, yesterday(), files={"settlement": path})

        kinds = {one["kind"]: one["status"] for one in (await list_breaks(hub, bank=BANK))["items"]}
        assert kinds["reversal_unknown"] == "resolved"
        assert done["steps"]["settle"]["settled"] == 2
        assert attempt.ref in {one["ref"] for one in (await list_breaks(hub, bank=BANK))["items"]}


async def test_each_payment_of_a_reference_paid_twice_is_taken_back(night_hub: Hub, sandbox: SandboxProcess) -> None:
    """The second reversal came a file later, when the first was known: it is not the first once more."""
    async with right_books(night_hub) as hub:
        await paid_at_bank(hub, sandbox, "HS-1")
        txn = sandbox.truth(BANK)[-1]["bank_txn_id"]
        text = sandbox.ask("GET", f"/{BANK}/v1/settlements/{yesterday()}.csv").splitlines()
        own = next(line for line in text if txn in line)
        both = [own, own.replace(txn, f"{txn}9")]
        reversals = [line.replace(",payment,", ",reversal,") for line in both]

        for told in (1, 2):
            lines = [*both, *reversals[:told]]
            path = Path(sandbox.folder) / f"file-{told}.csv"
            trailer = f"TRAILER,{len(lines)},,{len(lines) * FEE_VND},0,,,"
            path.write_text("\r\n".join([text[0], *lines, trailer, ""]), encoding="utf-8", newline="")
            await reconcile(hub, BANK, yesterday(), files={"settlement": path})

            taken_back = await hub.pool.fetch("SELECT bank_txn_id FROM receipts WHERE taken_back_vnd = amount_vnd")
            found = (await list_breaks(hub, bank=BANK))["items"]
            known = {one["bank_txn_id"] for one in found if one["kind"] == "reversal_unknown"}
            assert known == {row["bank_txn_id"] for row in taken_back} == {*[txn, f"{txn}9"][:told]}


@pytest.mark.parametrize("more", [1, -1])
async def test_one_dong_on_the_statement_is_found(
    night_hub: Hub, sandbox: SandboxProcess, tmp_path: Path, more: int
) -> None:
    async with right_books(night_hub) as hub:
        await paid_at_bank(hub, sandbox, "HS-1")
        text = sandbox.ask("GET", f"/{BANK}/v1/statements/{yesterday()}.csv").splitlines()
        row = next(line for line in text[1:] if str(sandbox.truth(BANK)[-1]["bank_txn_id"]) in line).split(",")
        row[3] = row[4] = str(FEE_VND + more)
        trailer = f"TRAILER,1,,{FEE_VND + more},{FEE_VND + more},{yesterday()},0,"
        path = tmp_path / "statement.csv"
        path.write_text("\r\n".join([text[0], ",".join(row), trailer, ""]), encoding="utf-8", newline="")
        settlement = only(sandbox, tmp_path, row[1])

        await reconcile(hub, BANK, yesterday(), files={"statement": path, "settlement": settlement})

        found = {one["kind"]: one for one in (await list_breaks(hub, bank=BANK))["items"]}
        assert found["account_day_differs"]["risk_vnd"] == 1
        assert found["net_total_differs"]["risk_vnd"] == 1
        proof = await prove_position(hub)
        assert not proof["ok"]
        assert [one["difference_vnd"] for one in proof["statements"]] == [-more]


@pytest.mark.parametrize("fee_vnd", [0, 1_100])
async def test_one_net_credit_pays_the_lines_and_is_nobody_elses(
    night_hub: Hub, sandbox: SandboxProcess, tmp_path: Path, fee_vnd: int
) -> None:
    """The bank credits a day's lines in one sum: that was called unidentified, and the day uneven."""
    async with right_books(night_hub) as hub:
        await paid_at_bank(hub, sandbox, "HS-1")
        await paid_at_bank(hub, sandbox, "HS-2", heard=False)
        text = sandbox.ask("GET", f"/{BANK}/v1/settlements/{yesterday()}.csv")
        lines = text.splitlines()
        taken = [line.split(",") for line in lines[1:-1]]
        kept_vnd = sum(int(cells[4]) for cells in taken) if fee_vnd else 0
        net_vnd = sum(int(cells[3]) for cells in taken) - kept_vnd
        stranger = f"9704,LA-1,credit,7,{net_vnd + 7},{yesterday()}T23:50:00+07:00,,khong ro"
        statement = tmp_path / "statement.csv"
        head = "account,bank_txn_id,direction,amount_vnd,balance_vnd,booked_at,ref,memo"
        credit = f"9704,QT-1,credit,{net_vnd},{net_vnd},{yesterday()}T23:45:00+07:00,QT-1,"
        trailer = f"TRAILER,2,,{net_vnd + 7},{net_vnd + 7},{yesterday()},0,"
        statement.write_text(f"{head}\r\n{credit}\r\n{stranger}\r\n{trailer}\r\n", encoding="utf-8", newline="")

        done = await reconcile(hub, BANK, yesterday(), files={"statement": statement})

        assert (done["status"], done["steps"]["close"]["matched"]) == ("done", 1)
        found = [
            (one["kind"], one["bank_txn_id"]) for one in (await list_breaks(hub, status="open", bank=BANK))["items"]
        ]
        assert found == [("unidentified_credit", "LA-1")]
        assert (await prove_position(hub))["ok"]


async def test_what_a_portal_has_not_applied_goes_out_once_more(night_hub: Hub, sandbox: SandboxProcess) -> None:
    async with right_books(night_hub) as hub:
        await paid_at_bank(hub, sandbox, "HS-1")
        patient = replace(hub, settings=hub.settings.model_copy(update={"portal_applies_s": 0.000_001}))
        later(patient, 120)

        first = await reconcile(patient, BANK, yesterday())
        again = await reconcile(patient, BANK, yesterday())

        assert (first["steps"]["resend"], again["steps"]["resend"]) == (
            {"unapplied": 1, "sent": 1},
            {"unapplied": 1, "sent": 0},
        )


async def test_today_is_no_night(night_hub: Hub) -> None:
    with pytest.raises(Refused, match="bad_time"):
        await reconcile(night_hub, BANK, yesterday() + timedelta(days=1))
    with pytest.raises(Refused, match="bank_unknown"):
        await reconcile(night_hub, "nobody", yesterday())


async def test_money_on_an_account_is_what_its_statement_says(night_hub: Hub, sandbox: SandboxProcess) -> None:
    async with right_books(night_hub) as hub:
        known = hub.registry.banks[BANK]
        bank = replace(known, landing=Landing(home="account", account="1020304050", holder="KBNN"))
        hub.registry_holder.now = replace(hub.registry, banks={**hub.registry.banks, BANK: bank})
        await paid_at_bank(hub, sandbox, "HS-1")
        await paid_at_bank(hub, sandbox, "HS-2", heard=False)

        first = await reconcile(hub, BANK, yesterday())
        before = await counts(hub)
        await reconcile(hub, BANK, yesterday())

        assert (await balances(hub))["RB:KBNN:held"] == 2 * FEE_VND
        assert before["receipts"] == 2
        assert (first["status"], first["breaks"]) == ("done", [])
        assert await counts(hub) == before
        proof = await prove_position(hub)
        assert proof["ok"]
        assert [(one["receipts"], one["difference_vnd"]) for one in proof["statements"]] == [(2, 0)]


async def test_in_custody_the_night_fills_our_account_and_payouts_may_leave(
    night_hub: Hub, sandbox: SandboxProcess
) -> None:
    held = replace(night_hub, settings=night_hub.settings.model_copy(update={"funds": "custody"}))
    async with right_books(held) as hub:
        known = hub.registry.banks[BANK]
        bank = replace(known, landing=Landing(account="1020304050"))
        hub.registry_holder.now = replace(hub.registry, banks={**hub.registry.banks, BANK: bank})
        await paid_at_bank(hub, sandbox, "HS-1")
        await paid_at_bank(hub, sandbox, "HS-2", heard=False)

        done = await reconcile(hub, BANK, yesterday())

        assert done["steps"]["close"]["matched"] == 1
        assert (await balances(hub))["H:bank:1020304050"] == 2 * FEE_VND
        assert {one["stands_with"] for one in await list_due(hub)} == {"1020304050"}
        assert sum(one["amount_vnd"] for one in await list_due(hub)) == 2 * FEE_VND
