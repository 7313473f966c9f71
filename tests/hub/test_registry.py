"""Who is who: a row that does not open is left out, and nobody else suffers."""

from datetime import UTC, datetime

from asyncpg import Record

from paygw.hub.registry import build_registry, find_key, key_digest, key_prefix, portal_place
from paygw.outside.vault import Vault
from paygw.store.registry import RegistryRows

KEY = "sk_test_0123456789abcdef"
NOW = datetime(2026, 11, 23, tzinfo=UTC)


def portal_row(portal_id: str, secret: bytes) -> dict[str, object]:
    """A portal as stored."""
    return {
        "id": portal_id,
        "name": portal_id,
        "callback_url": "https://portal.example/",
        "return_origins": ["https://portal.example"],
        "callback_state": "active",
        "rate_post": 1,
        "rate_get": 1,
        "rate_burst": 1,
        "callback_secret": secret,
        "callback_secret_previous": None,
    }


def key_row(key: str) -> dict[str, object]:
    """A key as stored."""
    return {
        "prefix": key_prefix(key),
        "digest": key_digest(key),
        "portal_id": "good",
        "scopes": ["portal"],
        "expires_at": None,
    }


def rows(*portals: dict[str, object], keys: tuple[dict[str, object], ...] = ()) -> RegistryRows:
    """Rows as the store reads them; a mapping stands in for a record."""
    as_records: list[Record] = list(portals)
    return RegistryRows(portals=as_records, keys=list(keys), banks=[], bodies=[])


def test_a_secret_sealed_with_another_key_leaves_its_portal_out_only() -> None:
    mine, stranger = Vault(b"k" * 32), Vault(b"x" * 32)
    good = portal_row("good", mine.seal(b"whsec_good", where=portal_place("good")))
    bad = portal_row("bad", stranger.seal(b"whsec_bad", where=portal_place("bad")))

    registry = build_registry(rows(bad, good), mine, {}, mode="test")

    assert set(registry.portals) == {"good"}


def test_a_secret_moved_to_another_row_does_not_open() -> None:
    vault = Vault(b"k" * 32)
    moved = portal_row("good", vault.seal(b"whsec_other", where=portal_place("other")))

    assert build_registry(rows(moved), vault, {}, mode="test").portals == {}


def test_a_key_is_found_whole_or_not_at_all() -> None:
    registry = build_registry(rows(keys=(key_row(KEY),)), Vault(b"k" * 32), {}, mode="test")

    assert find_key(registry, KEY, NOW) is not None
    assert find_key(registry, KEY + "0", NOW) is None
    assert find_key(registry, KEY[:-1], NOW) is None
