"""What an order froze: its quote in the open, and sealed beside it who pays and the facts the fee came from.

Facts tell of poverty, disability, age: they are never stored in the open. The explanation is a function of the frozen
schedule and these facts, so it is worked out when somebody looks, by the version that was frozen: published versions
are kept for ever.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from paygw.hub.hub import Hub
from paygw.kernel.fees.catalogue import Catalogue, calculate
from paygw.kernel.fees.dates import Window
from paygw.kernel.fees.errors import FeeError
from paygw.kernel.fees.explain import explain_both
from paygw.kernel.fees.quote import Quote
from paygw.kernel.fees.versions import compose, read_version
from paygw.store.fees import document_of_hash


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


async def explanation(hub: Hub, frozen: Mapping[str, Any], facts: Mapping[str, Any]) -> dict[str, list[str]] | None:
    """Sentences in Vietnamese and English for one line of a frozen quote; None if its schedule was never published."""
    answer = await recompute(hub, frozen, facts)
    return None if answer is None else explain_both(answer)


async def recompute(hub: Hub, frozen: Mapping[str, Any], facts: Mapping[str, Any]) -> Quote | None:
    """The quote again, by the very schedule that was frozen, whatever is in force now; None if it is not known here."""
    answer = _calculated(hub.tariffs, frozen, facts)
    if answer is not None:
        return answer
    async with hub.pool.acquire() as connection:
        document = await document_of_hash(connection, frozen["schedule_hash"])
    if document is None:
        return None
    return _calculated(compose([(read_version(document), (Window(),))]), frozen, facts)


def _calculated(catalogue: Catalogue, frozen: Mapping[str, Any], facts: Mapping[str, Any]) -> Quote | None:
    try:
        answer = calculate(
            catalogue,
            procedure=frozen["procedure"],
            province=frozen["province"],
            as_of=frozen["as_of"],
            facts=dict(facts),
        )
    except FeeError:
        return None
    return answer if answer.schedule_hash == frozen["schedule_hash"] else None
