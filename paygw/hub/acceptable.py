"""What a provisioned value may look like: judged once, before anything is written or proposed."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from urllib.parse import urlsplit

from paygw.hub.hub import Hub
from paygw.hub.registry import Bank
from paygw.kernel.connector import Connector
from paygw.kernel.decide import VIETNAM
from paygw.kernel.errors import Refused
from paygw.kernel.hosts import Mode, host_of_other_mode
from paygw.kernel.signing import signing_key
from paygw.outside.addresses import ForbiddenAddress, read_target
from paygw.settings import Settings

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_BANK_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_ORIGIN = re.compile(r"https?://[a-z0-9.-]{1,253}(:[0-9]{1,5})?|https?://\[[0-9a-f:]+\](:[0-9]{1,5})?")
_KEY = {"test": re.compile(r"sk_test_[!-~]{8,180}"), "live": re.compile(r"sk_live_[A-Za-z0-9_-]{32,180}")}
_DEFAULT_PORTS = {"http": 80, "https": 443}


def portal_id(text: str) -> str:
    """An id of a portal, person or collecting body."""
    return _fits("id", text, _ID, "letters, digits, dot, dash and underscore, at most 64")


def bank_id(text: str) -> str:
    """An id of a bank; it stands in the address of its webhooks."""
    if text == "bank":
        raise Refused("invalid_value", "A bank needs a name of its own, not 'bank'.")
    return _fits("id", text, _BANK_ID, "small letters, digits and dashes, at most 40")


def api_key(settings: Settings, text: str) -> str:
    """A given API key of this hub's mode; a live one carries at least 192 random bits."""
    return _fits("key", text, _KEY[settings.mode], f"sk_{settings.mode}_ and enough random characters")


def callback_secret(text: str) -> str:
    """A given signing secret: `whsec_` and base64, or base64 alone."""
    secret = text if text.startswith("whsec_") else f"whsec_{text}"
    try:
        signing_key(secret)
    except ValueError as error:
        raise Refused("invalid_value", f"secret: {error}.") from None
    return secret


def callback_url(settings: Settings, text: str) -> str:
    """Where callbacks go. In test mode any host may stand here; PAYGW_CALLBACK_ALLOW decides whether it is sent to."""
    try:
        parts = urlsplit(text)
        own = f"{parts.hostname}:{parts.port or _DEFAULT_PORTS.get(parts.scheme, 0)}"
        read_target(text, allow=(own,) if settings.mode == "test" else ())
    except (ForbiddenAddress, ValueError) as error:
        raise Refused("invalid_value", f"callback-url: {error}.") from None
    return text


def return_origin(settings: Settings, text: str) -> str:
    """An origin citizens may be sent back to: scheme, host and port, nothing behind."""
    origin = text.rstrip("/").lower()
    if settings.mode == "live" and not origin.startswith("https://"):
        raise Refused("invalid_value", "return-origin: live origins begin with https://.")
    return _fits("return-origin", origin, _ORIGIN, "https://host or https://host:port")


def base_url(settings: Settings, text: str) -> str:
    """Where a bank's API begins."""
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise Refused("invalid_value", "base-url: https://host/path, without query and user.")
    if settings.mode == "live" and parts.scheme != "https":
        raise Refused("invalid_value", "base-url: live banks are reached by https.")
    return text.rstrip("/")


def same_mode(hub: Hub, base: str, options: Mapping[str, str]) -> None:
    """No address of a bank may be its provider's host for the other mode: test and live money are never mixed."""
    strange = host_of_other_mode((base, *options.values()), hub.connectors.values(), hub.settings.mode)
    if strange:
        raise Refused("invalid_value", other_mode(strange, hub.settings.mode))


def other_mode(host: str, mode: Mode) -> str:
    """Why a bank at this host is not taken, in one sentence."""
    other = "test" if mode == "live" else "live"
    return f"base-url: {host} is a {other} host of its provider, this hub is in {mode} mode: give its {mode} address."


def bank_here(hub: Hub, name: str, missing: str = "There is no such bank here.") -> Bank:
    """The bank of that name. Raises Refused, also for one that was left out because it is of the other mode."""
    known = hub.registry.banks.get(name)
    if known is None and name in hub.registry.strangers:
        raise Refused("invalid_value", other_mode(hub.registry.strangers[name], hub.settings.mode))
    if known is None:
        raise Refused("not_found", missing)
    return known


def connector_of(hub: Hub, name: str) -> Connector:
    """The connector of that name."""
    if name not in hub.connectors:
        raise Refused("invalid_value", f"connector: one of {', '.join(sorted(hub.connectors))}.")
    return hub.connectors[name]


def credentials(connector: Connector, secret: str, given: Sequence[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Secret values and open options out of `--secret` and `name=value` words, each judged by the connector's pattern.

    `--secret` is the credential `secret`, or the connector's only secret one.
    """
    declared = {one.name: one for one in connector.credentials}
    values = dict(_pair(word) for word in given)
    if secret:
        names = [one.name for one in connector.credentials if one.secret]
        values["secret" if "secret" in names else _only(names)] = secret
    for name, value in values.items():
        if name not in declared:
            raise Refused("invalid_value", f"set: this connector has {', '.join(declared) or 'no settings'}.")
        if not re.fullmatch(declared[name].pattern, value):
            raise Refused("invalid_value", f"{name}: {declared[name].help}.")
    missing = [one.name for one in connector.credentials if one.secret and one.name not in values]
    if missing:
        raise Refused("invalid_value", f"set: {', '.join(missing)} of this connector must be given.")
    return _part(values, declared_secret=True, connector=connector), _part(
        values, declared_secret=False, connector=connector
    )


def rotated(connector: Connector, secret: str, given: Sequence[str]) -> dict[str, str]:
    """Secret values out of `--secret` and `name=value` words, each judged by the connector's pattern; some suffice."""
    values = dict(_pair(word) for word in given)
    names = [one.name for one in connector.credentials if one.secret]
    if secret:
        values["secret" if "secret" in names else _only(names)] = secret
    return secret_values(connector, values)


def secret_values(connector: Connector, values: Mapping[str, str]) -> dict[str, str]:
    """Given secret values, each judged by the connector's pattern."""
    declared = {one.name: one for one in connector.credentials if one.secret}
    if not values:
        raise Refused("invalid_value", f"set: give at least one of {', '.join(declared)}.")
    for name, value in values.items():
        if name not in declared:
            raise Refused("invalid_value", f"{name}: the secrets of this connector are {', '.join(declared)}.")
        if not re.fullmatch(declared[name].pattern, value):
            raise Refused("invalid_value", f"{name}: {declared[name].help}.")
    return dict(values)


def moment(name: str, text: str) -> datetime:
    """A time with its offset, or one in Vietnam without."""
    try:
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=VIETNAM)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Refused(
            "invalid_value", f"{name}: a time as 2026-11-30T22:00, in Vietnam unless it says +hh:mm."
        ) from None


def _part(values: Mapping[str, str], *, declared_secret: bool, connector: Connector) -> dict[str, str]:
    return {
        one.name: values[one.name]
        for one in connector.credentials
        if one.secret is declared_secret and one.name in values
    }


def _pair(word: str) -> tuple[str, str]:
    name, equals, value = word.partition("=")
    if not equals:
        raise Refused("invalid_value", "set: name=value.")
    return name, value


def _only(names: list[str]) -> str:
    if len(names) != 1:
        raise Refused("invalid_value", f"secret: this connector has {', '.join(names)}: use --set name=value.")
    return names[0]


def _fits(name: str, text: str, pattern: re.Pattern[str], told: str) -> str:
    if not pattern.fullmatch(text):
        raise Refused("invalid_value", f"{name}: {told}.")
    return text
