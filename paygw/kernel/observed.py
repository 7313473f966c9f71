"""What services that watch an account have in common: references, times and names as they write them."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from paygw.kernel.connector import HttpRequest, Malformed
from paygw.kernel.evidence import DebitSeen, PaymentSeen
from paygw.kernel.forms import VIETNAM
from paygw.kernel.wire import Json, text_or_none

_FORMS: Final = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d%H:%M", "%Y-%m-%d%H:%M:%S", "%d/%m/%Y %H:%M:%S")
_EPOCH: Final = re.compile(r"[1-9][0-9]{9}(?:[0-9]{3})?", re.ASCII)
_REFERENCE_CHARS_MAX: Final = 64


def header(request: HttpRequest, name: str) -> str:
    """One header by its name in any case; empty if it is missing or given twice."""
    found = [value for key, value in request.headers.items() if key.lower() == name]
    return found[0] if len(found) == 1 else ""


def reference(fields: Json, name: str) -> str | None:
    """The bank's reference of a movement, written alike by every observer: capitals, no spaces; None without one."""
    return plain_reference(named(fields, name))


def plain_reference(told: str) -> str | None:
    """A reference as every observer and statement is brought to write it."""
    return re.sub(r"\s", "", told).upper()[:_REFERENCE_CHARS_MAX] or None


def account_number(fields: Json, name: str) -> str:
    """An account or virtual account as banks write it, without spaces; empty where there is none."""
    return re.sub(r"\s", "", named(fields, name)).upper()


def named(fields: Json, name: str) -> str:
    """A name, of which some senders make a number; empty where there is none."""
    value = fields.get(name)
    return str(value) if type(value) is int and value >= 0 else text_or_none(fields, name) or ""


def local_time(told: object) -> datetime:
    """A time of Vietnam without offset, one with it, or seconds or milliseconds since 1970. Raises Malformed."""
    written = str(told).strip() if isinstance(told, str) or type(told) is int else ""
    if _EPOCH.fullmatch(written):
        return datetime.fromtimestamp(int(written[:10]), UTC)
    for form in _FORMS:
        try:
            return datetime.strptime(written, form).replace(tzinfo=VIETNAM).astimezone(UTC)
        except (ValueError, OverflowError):
            continue
    try:
        at = datetime.fromisoformat(written)
        return (at if at.tzinfo else at.replace(tzinfo=VIETNAM)).astimezone(UTC)
    except (ValueError, OverflowError) as fault:
        raise Malformed("a time that cannot be read") from fault


def as_debit(seen: PaymentSeen) -> DebitSeen:
    """The same movement in the other direction."""
    return DebitSeen(
        observed_id=seen.observed_id,
        bank_txn_id=seen.bank_txn_id,
        amount_vnd=seen.amount_vnd,
        occurred_at=seen.occurred_at,
        account=seen.account,
        memo=seen.memo,
    )


def accounts_of(options: Mapping[str, str]) -> tuple[str, ...]:
    """The receiving accounts an observer may speak about, as its option `accounts` lists them."""
    return tuple(name for name in options.get("accounts", "").split(",") if name)
