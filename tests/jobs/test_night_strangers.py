"""Lines of our own account that nobody claims: each leaves or reaches the account once, whatever it turns out to be."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from paygw.hub import break_decisions, decisions
from paygw.hub.breaks import list_breaks
from paygw.hub.hub import Hub
from paygw.hub.position import prove_position
from paygw.jobs.nightly import reconcile
from paygw.kernel.decide import Landing
from paygw.kernel.errors import Refused
from tests.hub.world import FEE_VND, balances, right_books
from tests.jobs.night_world import BANK, at_noon, counts, night_hub, paid_at_bank, sandbox, yesterday
from tests.sandbox_fixtures import SandboxProcess

__all__ = ["night_hub", "sandbox"]  # fixtures
pytestmark = [pytest.mark.db, pytest.mark.net]

ACCOUNT = "1020304050"
POT = f"H:bank:{ACCOUNT}"


@pytest.fixture
def holding_hub(night_hub: Hub) -> Hub:
    """A hub in custody whose provider pays into its account."""
    known = night_hub.registry.banks[BANK]
    bank = replace(known, landing=Landing(account=ACCOUNT))
    night_hub.registry_holder.now = replace(night_hub.registry, banks={**night_hub.registry.banks, BANK: bank})
    return replace(night_hub, settings=night_hub.settings.model_copy(update={"funds": "custody"}))


def with_line(sandbox: SandboxProcess, folder: Path, direction: str, amount_vnd: int) -> Path:
    """Yesterday's statement with one line more that no order of ours explains."""
    text = sandbox.ask("GET", f"/{BANK}/v1/statements/{yesterday()}.csv").splitlines()
    head, rows, balance_vnd = text[0], text[1:-1], int(text[-1].split(",")[4])
    balance_vnd += amount_vnd if direction == "credit" else -amount_vnd
    at = at_noon(yesterday()).isoformat(timespec="seconds")
    rows.append(f"{ACCOUNT},LA-1,{direction},{amount_vnd},{balance_vnd},{at},,khong ro")
    total_vnd = sum(int(row.split(",")[3]) for row in rows)
    path = folder / "statement.csv"
    trailer = f"TRAILER,{len(rows)},,{total_vnd},{balance_vnd},{yesterday()},0,"
    path.write_text("\r\n".join([head, *rows, trailer, ""]), encoding="utf-8", newline="")
    return path


async def strange_night(hub: Hub, sandbox: SandboxProcess, folder: Path, direction: str, amount_vnd: int) -> str:
    """A night whose statement has such a line; the id of its break."""
    await paid_at_bank(hub, sandbox, "HS-1")
    path = with_line(sandbox, folder, direction, amount_vnd)
    await reconcile(hub, BANK, yesterday(), files={"statement": path})
    (found,) = (await list_breaks(hub, status="open", bank=BANK, kind=f"unidentified_{direction}"))["items"]
    return str(found["id"])


async def money_rows(hub: Hub) -> dict[str, int]:
    """How many rows of money there are; minutes may be written anew, for a break of theirs was solved."""
    return {name: (await counts(hub))[name] for name in ("ledger", "receipts", "movements", "settlement_lines")}


async def decided(hub: Hub, break_id: str, action: str, **params: str) -> None:
    """One proposes, another approves."""
    shown = await break_decisions.propose(hub, break_id, action, params, document="GBN-5", by="huong")
    await break_decisions.approve(hub, break_id, by="minh", shown=shown["proposal"]["content_hash"])


@pytest.mark.parametrize(
    ("params", "left"),
    [
        ({"event": "bank_charge"}, {POT: FEE_VND - 500, "DUE:operator": 500}),
        ({"event": "claim_opened", "party": "vcb"}, {POT: FEE_VND - 500, "CLAIM:vcb": 500}),
        ({"event": "debit_returned"}, {POT: FEE_VND}),
        ({"event": "debit_known", "amount_vnd": 500}, {POT: FEE_VND}),
    ],
)
async def test_a_debit_leaves_the_account_once_whatever_it_was(
    holding_hub: Hub, sandbox: SandboxProcess, tmp_path: Path, params: dict[str, Any], left: dict[str, int]
) -> None:
    """The charge was booked beside the unexplained debit: one line of the bank took the money twice."""
    async with right_books(holding_hub) as hub:
        break_id = await strange_night(hub, sandbox, tmp_path, "debit", 500)
        assert (await balances(hub))["UBD"] == 500

        shown = await break_decisions.propose(hub, break_id, "movement", params, document="GBN-5", by="huong")
        await break_decisions.approve(hub, break_id, by="minh", shown=shown["proposal"]["content_hash"])
        stood = {name: vnd for name, vnd in (await balances(hub)).items() if not name.startswith("P:")}
        before = await money_rows(hub)
        await reconcile(hub, BANK, yesterday(), files={"statement": tmp_path / "statement.csv"})

        assert stood == left
        assert (await money_rows(hub), (await balances(hub))[POT]) == (before, left[POT])
        assert (await list_breaks(hub, status="open", bank=BANK))["items"] == []
        assert (await prove_position(hub))["ok"]


@pytest.mark.parametrize(
    ("params", "why"),
    [
        ({"event": "interest", "party": ACCOUNT}, "may be"),
        ({"event": "bank_charge", "amount_vnd": 501}, "500"),
        ({"event": "claim_opened"}, "party"),
        ({}, "needs"),
    ],
)
async def test_a_debit_is_not_what_it_cannot_be(
    holding_hub: Hub, sandbox: SandboxProcess, tmp_path: Path, params: dict[str, Any], why: str
) -> None:
    async with right_books(holding_hub) as hub:
        break_id = await strange_night(hub, sandbox, tmp_path, "debit", 500)

        with pytest.raises(Refused, match=why):
            await break_decisions.propose(hub, break_id, "movement", params, document="GBN-5", by="huong")


async def test_a_debit_that_left_is_not_explained_away(
    holding_hub: Hub, sandbox: SandboxProcess, tmp_path: Path
) -> None:
    async with right_books(holding_hub) as hub:
        break_id = await strange_night(hub, sandbox, tmp_path, "debit", 500)

        with pytest.raises(Refused, match="break_action"):
            await decided(hub, break_id, "explain")

        assert (await balances(hub))["UBD"] == 500


async def test_a_charge_is_not_booked_beside_the_debit_it_explains(
    holding_hub: Hub, sandbox: SandboxProcess, tmp_path: Path
) -> None:
    async with right_books(holding_hub) as hub:
        await strange_night(hub, sandbox, tmp_path, "debit", 500)
        fields = {"event": "bank_charge", "key": "GBN-5", "holding": POT, "amount_vnd": 500}
        asked = await decisions.propose(hub, decisions.action_of("movement", fields), document="GBN-5", by="huong")

        with pytest.raises(Refused, match="brk_"):
            await decisions.approve(hub, asked["id"], by="minh", shown=asked["content_hash"])


async def test_a_credit_nobody_claims_can_be_booked_and_given_back(
    holding_hub: Hub, sandbox: SandboxProcess, tmp_path: Path
) -> None:
    """The money stood on the account, in no book, and none of the actions the break names could touch it."""
    async with right_books(holding_hub) as hub:
        break_id = await strange_night(hub, sandbox, tmp_path, "credit", 33_000)

        await decided(hub, break_id, "book_line")
        stood = await balances(hub)
        before = await money_rows(hub)
        await reconcile(hub, BANK, yesterday(), files={"statement": tmp_path / "statement.csv"})

        assert (stood[POT], stood["U:free"]) == (FEE_VND + 33_000, -33_000)
        assert await money_rows(hub) == before
        assert (await list_breaks(hub, status="open", bank=BANK))["items"] == []
        proof = await prove_position(hub)
        assert proof["ok"]
        assert [one["difference_vnd"] for one in proof["statements"]] == [0]


async def test_a_credit_that_may_pay_what_the_provider_still_holds_waits(
    holding_hub: Hub, sandbox: SandboxProcess, tmp_path: Path
) -> None:
    """Booked by hand, the net credit of a late settlement file would be booked again when the file comes."""
    async with right_books(holding_hub) as hub:
        break_id = await strange_night(hub, sandbox, tmp_path, "credit", 33_000)
        await paid_at_bank(hub, sandbox, "HS-2", days_ago=1)

        with pytest.raises(Refused, match="receipt_not_settled"):
            await decided(hub, break_id, "book_line")


async def test_a_credit_can_be_what_a_party_paid_in(holding_hub: Hub, sandbox: SandboxProcess, tmp_path: Path) -> None:
    async with right_books(holding_hub) as hub:
        break_id = await strange_night(hub, sandbox, tmp_path, "credit", 700)

        await decided(hub, break_id, "movement", event="interest", party=ACCOUNT)

        assert (await balances(hub))[f"INT:{ACCOUNT}"] == -700
        assert (await balances(hub))[POT] == FEE_VND + 700


async def test_where_the_hub_holds_nothing_a_line_is_only_explained(
    night_hub: Hub, sandbox: SandboxProcess, tmp_path: Path
) -> None:
    async with right_books(night_hub) as hub:
        break_id = await strange_night(hub, sandbox, tmp_path, "credit", 700)

        with pytest.raises(Refused, match="receipt_held"):
            await decided(hub, break_id, "book_line")
        shown = (await list_breaks(hub, status="proposed", bank=BANK))["items"][0]
        await break_decisions.reject(hub, shown["id"], by="minh")
        await decided(hub, break_id, "explain")

        left = (await list_breaks(hub, status="open", bank=BANK))["items"]
        assert [one["kind"] for one in left] == ["account_day_differs"]
