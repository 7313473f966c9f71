"""The portal's own book: one JSON line per fact, on disk before anybody is told. State is what the lines say.

Callbacks come at least once and in any order: `webhook-id` tells a repetition, `data.version` which word is the later.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

Json = dict[str, Any]


@dataclass(slots=True)
class Fee:
    """What the portal knows of one order. `paid` only ever becomes true by a verified callback."""

    reference: str
    dossier: str
    order_id: str = ""
    pay_url: str = ""
    amount_vnd: int = 0
    status: str = "asked"
    paid_vnd: int = 0
    refunded_vnd: int = 0
    labels: list[str] = field(default_factory=list)
    version: int = 0
    told_at: str = ""
    paid: bool = False
    applied: bool = False


class Record:
    """Appends durably and keeps the state in step. One process, one event loop: a call is never interrupted."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.fees: dict[str, Fee] = {}
        self.dossiers: dict[str, Json] = {}
        self.lines: list[Json] = []
        self.webhook_ids: set[str] = set()
        self.duplicates = 0
        for line in _read(path):
            self._learn(line)
        self._file = path.open("ab", buffering=0)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def open_dossier(self, code: str, dossier: Json) -> None:
        """A citizen has handed in a dossier."""
        self._write({"fact": "dossier", "code": code, "dossier": dossier})

    def ask(self, reference: str, dossier: str) -> None:
        """We are about to ask the hub for an order: from now on this reference is the one we repeat."""
        self._write({"fact": "asked", "reference": reference, "dossier": dossier})

    def order(self, order: Json) -> None:
        """The hub has answered with an order, new or as before."""
        self._write({"fact": "ordered", "order": order})

    def callback(self, webhook_id: str, event: Json) -> bool:
        """A verified callback. False when it was here before: nothing is written twice."""
        if webhook_id in self.webhook_ids:
            self.duplicates += 1
            return False
        self._write({"fact": "callback", "webhook_id": webhook_id, "event": event})
        return True

    def apply(self, reference: str) -> None:
        """The hub knows that we have applied the payment to the dossier."""
        self._write({"fact": "applied", "reference": reference})

    def fee_of(self, dossier: str) -> Fee | None:
        """The latest order of a dossier."""
        return next((fee for fee in reversed(self.fees.values()) if fee.dossier == dossier), None)

    def unacknowledged(self) -> list[Fee]:
        """Paid, and the hub does not know yet that we have applied it."""
        return [fee for fee in self.fees.values() if fee.paid and not fee.applied and fee.order_id]

    def _write(self, line: Json) -> None:
        line = {"at": datetime.now(UTC).isoformat(timespec="milliseconds"), **line}
        self._file.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
        os.fsync(self._file.fileno())
        self._learn(line)

    def _learn(self, line: Json) -> None:
        self.lines.append(line)
        match line:
            case {"fact": "dossier", "code": code, "dossier": dossier}:
                self.dossiers[code] = dossier
            case {"fact": "asked", "reference": reference, "dossier": dossier}:
                self.fees.setdefault(reference, Fee(reference, dossier))
            case {"fact": "ordered", "order": order}:
                self._learn_order(order, told_at="")
            case {"fact": "callback", "webhook_id": webhook_id, "event": event}:
                self.webhook_ids.add(webhook_id)
                self._learn_order(event["data"], told_at=event["timestamp"])
            case {"fact": "applied", "reference": reference}:
                self.fees[reference].applied = True

    def _learn_order(self, order: Json, *, told_at: str) -> None:
        """The later version wins, whichever came first; an answer to a request never makes anything paid."""
        fee = self.fees.setdefault(order["reference"], Fee(order["reference"], order["lines"][0]["dossier_code"]))
        fee.order_id, fee.pay_url = order["id"], order["pay_url"] or fee.pay_url
        fee.amount_vnd = order["amount_vnd"]
        if (order["version"], told_at) < (fee.version, fee.told_at):
            return
        fee.version, fee.told_at = order["version"], told_at
        fee.status, fee.labels = order["status"], list(order.get("labels", ()))
        fee.paid_vnd, fee.refunded_vnd = order["paid_vnd"], order["refunded_vnd"]
        fee.paid = fee.paid or (bool(told_at) and order["status"] == "paid")


def _read(path: Path) -> Iterator[Json]:
    """Whole lines; one that a crash cut short was never acknowledged, and is cut off."""
    if not path.exists():
        return
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) < len(content):
        os.truncate(path, len(whole))
    for line in whole.splitlines():
        yield json.loads(line)
