"""What an order froze: its quote in the open, and sealed beside it who pays and the facts the fee came from.

Facts tell of poverty, disability, age: they are never stored in the open. The explanation is a function of the frozen
schedule and these facts, so it is worked out when somebody looks, and is refused rather than guessed if the schedule
is no longer the one that was frozen.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from paygw.hub.hub import Hub
from paygw.kernel.fees.catalogue import calculate
from paygw.kernel.fees.errors import FeeError
from paygw.kernel.fees.explain import explain_en, explain_vi


@dataclass(frozen=True, slots=True)
class Private:
    """Personal data of an order. `facts` by line, in order."""

    payer: Mapping[str, str] | None
    facts: tuple[Mapping[str, Any], ...]


def seal_private(hub: Hub, order_id: str, private: Private) -> bytes:
    """Encrypt for the order's row."""
    return hub.vault.seal(msgspec.json.encode(private), where=f"orders/{order_id}/private")


def open_private(hub: Hub, order_id: str, sealed: bytes) -> Private:
    """Who pays, and the facts. Raises VaultError if the row was changed or moved."""
    return msgspec.json.decode(hub.vault.open(sealed, where=f"orders/{order_id}/private"), type=Private)


def explanation(hub: Hub, frozen: Mapping[str, Any], facts: Mapping[str, Any]) -> dict[str, list[str]] | None:
    """Sentences in Vietnamese and English for one line of a frozen quote; None if its schedule is not here any more."""
    try:
        answer = calculate(
            hub.catalogue,
            procedure=frozen["procedure"],
            province=frozen["province"],
            as_of=frozen["as_of"],
            facts=dict(facts),
        )
    except FeeError:
        return None
    if answer.schedule_hash != frozen["schedule_hash"]:
        return None
    return {"vi": list(explain_vi(answer)), "en": list(explain_en(answer))}
