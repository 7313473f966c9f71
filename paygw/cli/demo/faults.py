"""Faults that can be planted into the demo, to show that its judge is awake: with any of them it must fail."""

import json
from enum import StrEnum
from pathlib import Path
from typing import Final

from paygw.settings import Settings
from paygw.store.damage import Damage, damage
from paygw.store.embedded import start


class Fault(StrEnum):
    """What is wrong on purpose."""

    NONE = "none"
    BANK_SECRET = "bank-secret"  # noqa: S105 - the name of a fault: the hub holds a wrong secret of sandbox-a
    WEBHOOKS_LOST = "webhooks-lost"  # the bank's webhooks never leave, and nobody asks
    TRUTH_EXTRA = "truth-extra"  # the bank took a payment that nobody told the hub of
    TRUTH_MISSING = "truth-missing"  # the hub booked a payment that the bank does not know
    PORTAL_SECRET = "portal-secret"  # noqa: S105 - the portal verifies with another secret
    PORTAL_DOWN = "portal-down"  # the portal never answers
    NO_WORKER = "no-worker"  # nobody sends callbacks, asks banks or expires orders
    RECEIPT_CHANGED = "receipt-changed"  # one đồng too much on a receipt, past the hub
    LEDGER_CHANGED = "ledger-changed"  # a balanced posting that no bank money stands behind
    ORDER_FORGED = "order-forged"  # paid orders set back to open, past the hub


_DAMAGE: Final[dict[Fault, Damage]] = {
    Fault.RECEIPT_CHANGED: "receipt",
    Fault.LEDGER_CHANGED: "ledger",
    Fault.ORDER_FORGED: "order",
}


async def plant(fault: Fault, folder: Path, settings: Settings) -> None:
    """Do the damage that is done after the story, behind the hub's back."""
    truth = folder / "banks" / "sandbox-b" / "truth.jsonl"
    if fault is Fault.TRUTH_EXTRA:
        line = next(line for line in truth.read_text().splitlines() if '"payment"' in line)
        extra = json.loads(line) | {"bank_txn_id": "FT-NEVER-TOLD"}
        with truth.open("a") as out:
            out.write(json.dumps(extra) + "\n")
    elif fault is Fault.TRUTH_MISSING:
        lines = truth.read_text().splitlines(keepends=True)
        at = next(index for index, line in enumerate(lines) if '"payment"' in line)
        truth.write_text("".join(lines[:at] + lines[at + 1 :]))
    elif fault in _DAMAGE:
        with start(settings.var) as cluster:
            await damage(cluster.owner_dsn(), _DAMAGE[fault])
