"""Members of staff, as far as a decision needs them."""

from asyncpg import Connection
from sqlalchemy import bindparam, select

from paygw.store.query import Query
from paygw.store.tables import persons

_ROLE = Query(select(persons.c.role).where(persons.c.id == bindparam("id")))


async def role_of(connection: Connection, person_id: str) -> str | None:
    """A person's role; None for nobody we know."""
    role: str | None = await _ROLE.value(connection, id=person_id)
    return role
