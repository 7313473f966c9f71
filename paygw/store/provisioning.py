"""Writes of who is who: portals, keys, banks, people, collecting bodies, and what waits for a second person."""

from asyncpg import Connection, Record
from sqlalchemy import Table, bindparam, func, insert, select, update

from paygw.store.query import Query
from paygw.store.tables import api_keys, banks, collecting_bodies, persons, portals, proposals

_PROVISIONED = {"portals": portals, "banks": banks, "collecting_bodies": collecting_bodies, "persons": persons}


def _insert(table: Table, *names: str) -> Query:
    return Query(insert(table).values({name: bindparam(name) for name in names}))


def _update(table: Table, *names: str) -> Query:
    values: dict[str, object] = {name: bindparam(name) for name in names}
    return Query(update(table).where(table.c.id == bindparam("id_")).values(values))


_PORTAL = ("name", "callback_url", "return_origins", "rate_post", "rate_get", "rate_burst")
_BANK = ("connector", "title", "base_url", "merchant", "credentials", "options", "home", "account", "holder")
_BODY = ("name", "chapter", "area", "budget_unit")
_PERSON = ("name", "role")
_ROWS = {
    name: Query(select(table).where(table.c.id == bindparam("id_")).with_for_update())
    for name, table in _PROVISIONED.items()
}
_ALL = {name: Query(select(table).order_by(table.c.id)) for name, table in _PROVISIONED.items()}
_INSERTS = {
    "portals": _insert(portals, "id", *_PORTAL, "callback_secret"),
    "banks": _insert(banks, "id", *_BANK),
    "collecting_bodies": _insert(collecting_bodies, "id", *_BODY),
    "persons": _insert(persons, "id", *_PERSON),
}
_UPDATES = {
    "portals": _update(portals, *_PORTAL),
    "banks": _update(banks, *_BANK, "credentials_previous"),
    "collecting_bodies": _update(collecting_bodies, *_BODY),
    "persons": _update(persons, *_PERSON),
}
_ROTATE_SECRET = _update(portals, "callback_secret", "callback_secret_previous")

_KEYS_OF = Query(
    select(api_keys)
    .where(api_keys.c.portal_id.is_not_distinct_from(bindparam("portal")), api_keys.c.revoked_at.is_(None))
    .order_by(api_keys.c.created_at)
)
_KEY = Query(select(api_keys).where(api_keys.c.prefix == bindparam("prefix_")))
_ADD_KEY = _insert(api_keys, "prefix", "digest", "portal_id", "scopes")
_REVOKE = Query(
    update(api_keys)
    .where(api_keys.c.prefix == bindparam("prefix_"), api_keys.c.revoked_at.is_(None))
    .values(revoked_at=func.now())
)

_ADMINS = Query(select(func.count()).select_from(persons).where(persons.c.role == "admin"))
_PROPOSE = _insert(proposals, "id", "kind", "content", "content_hash", "proposed_by")
_PROPOSAL = Query(select(proposals).where(proposals.c.id == bindparam("id_")).with_for_update())
_OPEN = Query(select(proposals).where(proposals.c.status == "open").order_by(proposals.c.proposed_at))
_SAME = Query(
    select(proposals.c.id).where(proposals.c.status == "open", proposals.c.content_hash == bindparam("hash_"))
)
_DECIDE = Query(
    update(proposals)
    .where(proposals.c.id == bindparam("id_"), proposals.c.status == "open")
    .values(status=bindparam("status"), decided_by=bindparam("decided_by"), decided_at=func.now())
)


async def find(connection: Connection, table: str, row_id: str) -> Record | None:
    """One row of portals, banks, collecting_bodies or persons, locked until the transaction ends."""
    return await _ROWS[table].one(connection, id_=row_id)


async def find_all(connection: Connection, table: str) -> list[Record]:
    """Every row of such a table."""
    return await _ALL[table].all(connection)


async def add(connection: Connection, table: str, row_id: str, values: dict[str, object]) -> None:
    """A new row; UniqueViolationError if somebody else was first."""
    await _INSERTS[table].run(connection, id=row_id, **values)


async def change(connection: Connection, table: str, row_id: str, values: dict[str, object]) -> None:
    """Other values for a row, all of them."""
    await _UPDATES[table].run(connection, id_=row_id, **values)


async def rotate_secret(connection: Connection, portal_id: str, *, sealed: bytes, previous: bytes | None) -> None:
    """A new signing secret; the one before it signs too until the next rotation."""
    await _ROTATE_SECRET.run(connection, id_=portal_id, callback_secret=sealed, callback_secret_previous=previous)


async def keys_of(connection: Connection, portal_id: str | None) -> list[Record]:
    """Keys in force of a portal, or those of no portal, the oldest first."""
    return await _KEYS_OF.all(connection, portal=portal_id)


async def find_key_row(connection: Connection, prefix: str) -> Record | None:
    """The key of a prefix, revoked or not."""
    return await _KEY.one(connection, prefix_=prefix)


async def add_key(
    connection: Connection, *, prefix: str, digest: bytes, portal_id: str | None, scopes: list[str]
) -> None:
    """A new key."""
    await _ADD_KEY.run(connection, prefix=prefix, digest=digest, portal_id=portal_id, scopes=scopes)


async def revoke_key(connection: Connection, prefix: str) -> None:
    """End a key now; every process knows within seconds."""
    await _REVOKE.run(connection, prefix_=prefix)


async def count_admins(connection: Connection) -> int:
    """How many people may administer."""
    return int(await _ADMINS.value(connection))


async def propose(
    connection: Connection, *, proposal_id: str, kind: str, content: str, content_hash: bytes, by: str
) -> str:
    """Keep a proposal; the id of the open one if the same is already proposed."""
    known = await _SAME.value(connection, hash_=content_hash)
    if known is not None:
        return str(known)
    await _PROPOSE.run(
        connection, id=proposal_id, kind=kind, content=content, content_hash=content_hash, proposed_by=by
    )
    return proposal_id


async def find_proposal(connection: Connection, proposal_id: str) -> Record | None:
    """A proposal, locked."""
    return await _PROPOSAL.one(connection, id_=proposal_id)


async def open_proposals(connection: Connection) -> list[Record]:
    """What waits for a second person."""
    return await _OPEN.all(connection)


async def decide(connection: Connection, proposal_id: str, *, status: str, by: str) -> None:
    """Close a proposal."""
    await _DECIDE.run(connection, id_=proposal_id, status=status, decided_by=by)


async def has_receipts(connection: Connection, bank_id: str) -> bool:
    """Whether money came through a bank."""
    found: bool = await connection.fetchval("SELECT EXISTS (SELECT FROM receipts WHERE bank = $1)", bank_id)
    return found
