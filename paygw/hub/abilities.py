"""What the connectors of this build can do, which banks are configured on them, and how those are."""

from paygw.hub.bank_health import read_picture, show_health
from paygw.hub.hub import Hub
from paygw.hub.offers import window_at
from paygw.hub.provisioning import Shown
from paygw.hub.registry import Bank
from paygw.kernel.connector import Connector

_OPTIONAL = ("query", "refund", "query_refund", "cancel", "parse_return", "parse_settlement")


async def list_connectors(hub: Hub) -> list[Shown]:
    """Every connector: methods, abilities, how sure its protocol is, settings, limits, banks; never a secret."""
    await read_picture(hub)
    return [_shown(hub, connector) for _, connector in sorted(hub.connectors.items())]


async def list_bank_states(hub: Hub) -> list[Shown]:
    """Every bank with its terms, maintenance, rotation and health; never a secret."""
    await read_picture(hub)
    return [show_bank(hub, bank) for _, bank in sorted(hub.registry.banks.items())]


def show_bank(hub: Hub, bank: Bank) -> Shown:
    """One bank, for people and scripts."""
    window = window_at(bank, hub.clock())
    terms = ("portal", "body", "offered", "min_vnd", "max_vnd")
    return {
        "id": bank.id,
        "title": bank.title,
        "connector": bank.connector.name,
        "methods": list(bank.connector.methods),
        "enabled": bank.enabled,
        "rotating": sorted(bank.secrets.previous),
        "terms": [{name: getattr(term, name) for name in terms} for term in bank.terms],
        "maintenance": [
            {"starts_at": one.starts_at.isoformat(), "ends_at": one.ends_at.isoformat()} for one in bank.windows
        ],
        "under_maintenance": window is not None,
        "health": show_health(hub, bank.id),
    }


def abilities_of(connector: Connector) -> list[str]:
    """The optional functions that are there, by name, after the way a payment starts (observers start none)."""
    start = "build_redirect" if connector.build_redirect is not None else "open_session"
    return [
        *([start] if connector.methods else []),
        *(name for name in _OPTIONAL if getattr(connector, name) is not None),
    ]


def _shown(hub: Hub, connector: Connector) -> Shown:
    limits = connector.limits
    return {
        "name": connector.name,
        "title": connector.title,
        "grade": connector.grade,
        "source": connector.source,
        "methods": list(connector.methods),
        "abilities": abilities_of(connector),
        "receipts_per_attempt": connector.receipts_per_attempt,
        "credentials": [
            {"name": one.name, "secret": one.secret, "pattern": one.pattern, "help": one.help}
            for one in connector.credentials
        ],
        "min_vnd": limits.amount_min_vnd,
        "max_vnd": limits.amount_max_vnd,
        "banks": [
            show_bank(hub, bank) for bank in hub.registry.banks.values() if bank.connector.name == connector.name
        ],
    }
