"""Our own payment orders on a statement of the night: told of, and neither receipts nor unidentified lines."""

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest

from paygw.hub import payouts
from paygw.hub.breaks import list_breaks
from paygw.hub.hub import Hub
from paygw.hub.position import prove_position
from paygw.hub.tracing import trace_money
from paygw.jobs.nightly import reconcile
from paygw.kernel.decide import Landing
from tests.hub.test_payouts import OWNERS, approved, known_payees
from tests.hub.world import FEE_VND, balances, right_books
from tests.jobs.night_world import BANK, at_noon, counts, night_hub, paid_at_bank, sandbox, yesterday
from tests.sandbox_fixtures import SandboxProcess

__all__ = ["night_hub", "sandbox"]  # fixtures
pytestmark = [pytest.mark.db, pytest.mark.net]


@pytest.mark.parametrize("home", ["provider", "account"])
async def test_payment_orders_on_the_statement_are_told_of_and_nothing_else(
    night_hub: Hub, sandbox: SandboxProcess, tmp_path: Path, home: Literal["provider", "account"]
) -> None:
    changes = {"funds": "custody", "operator_bank": "BFTVVNVX"}
    held = replace(night_hub, settings=night_hub.settings.model_copy(update=changes))
    async with right_books(held) as hub:
        known = hub.registry.banks[BANK]
        bank = replace(known, landing=Landing(home=home, account="1020304050"))
        hub.registry_holder.now = replace(hub.registry, banks={**hub.registry.banks, BANK: bank})
        await paid_at_bank(hub, sandbox, "HS-1")
        await reconcile(hub, BANK, yesterday())
        await known_payees(hub, *OWNERS)
        batch = await payouts.propose_payout(hub, "1020304050", by="huong")
        await approved(hub, batch)
        await payouts.export_payout(hub, batch["batch"], by="huong")
        path = with_payouts(sandbox, tmp_path, batch)

        done = await reconcile(hub, BANK, yesterday(), files={"statement": path})
        before, stood = await counts(hub), await balances(hub)
        again = await reconcile(hub, BANK, yesterday(), files={"statement": path})

        assert (done["status"], done["breaks"], again["status"]) == ("done", [], "done")
        assert [one["kind"] for one in (await list_breaks(hub, bank=BANK))["items"]] == []
        shown = (await payouts.show_payout(hub, batch["batch"]))["orders"]
        assert [one["states"]["sent"] for one in shown] == [0, 0, 0]
        assert shown[2]["states"]["returned"] == shown[2]["slices"]
        assert stood["H:bank:1020304050"] == shown[2]["amount_vnd"]
        assert (await counts(hub), await balances(hub)) == (before, stood)
        assert (await prove_position(hub))["ok"]
        assert [one["amount_vnd"] for one in (await trace_money(hub, "D3"))["receipts"]] == [FEE_VND]


def with_payouts(sandbox: SandboxProcess, folder: Path, batch: dict[str, Any]) -> Path:
    """Yesterday's statement with the batch's debits, the last of which came back the same day."""
    text = sandbox.ask("GET", f"/{BANK}/v1/statements/{yesterday()}.csv").splitlines()
    head, rows, balance_vnd = text[0], text[1:-1], int(text[-1].split(",")[4])
    at = at_noon(yesterday()).isoformat(timespec="seconds")
    moves = [(f"D{one['group']}", "debit", one) for one in batch["orders"]]
    for txn, direction, one in [*moves, ("C3", "credit", batch["orders"][-1])]:
        balance_vnd += one["amount_vnd"] if direction == "credit" else -one["amount_vnd"]
        memo = f"CHI {one['end_to_end_id']} KHO BAC"
        rows.append(f"1020304050,{txn},{direction},{one['amount_vnd']},{balance_vnd},{at},,{memo}")
    total_vnd = sum(int(row.split(",")[3]) for row in rows)
    trailer = f"TRAILER,{len(rows)},,{total_vnd},{balance_vnd},{yesterday()},0,"
    path = folder / "with-payouts.csv"
    path.write_text("\r\n".join([head, *rows, trailer, ""]), encoding="utf-8", newline="")
    return path
