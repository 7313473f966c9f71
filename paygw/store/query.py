"""SQLAlchemy Core writes the SQL, asyncpg runs it: one pool, one kind of transaction, no second driver layer.

A `Query` is compiled once at import; its bind parameters become keyword arguments. The hot paths use their own SQL
(see situations.py, creating.py); everything else reads like Core.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from asyncpg import Connection, Record
from sqlalchemy import ClauseElement, ColumnElement, Text, any_, literal
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql.asyncpg import dialect

_DIALECT = dialect(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]  # untyped in SQLAlchemy


def among(column: ColumnElement[Any], values: Sequence[str]) -> ColumnElement[bool]:
    """`column` is one of fixed values (an `in_` list would be expanded at run time, past our compilation)."""
    return column == any_(literal(list(values), ARRAY(Text)))


class Query:
    """A Core statement ready to run."""

    def __init__(self, statement: ClauseElement) -> None:
        compiled = statement.compile(dialect=_DIALECT)
        self.sql = str(compiled)
        self._names = tuple(getattr(compiled, "positiontup", None) or ())
        self._fixed: Mapping[str, Any] = compiled.params

    def _values(self, given: Mapping[str, object]) -> list[object]:
        unknown = given.keys() - set(self._names)
        if unknown:
            message = f"not parameters of this query: {', '.join(sorted(unknown))}"
            raise TypeError(message)
        return [given[name] if name in given else self._fixed[name] for name in self._names]

    async def all(self, connection: Connection, **values: object) -> list[Record]:
        """Every row."""
        rows: list[Record] = await connection.fetch(self.sql, *self._values(values))
        return rows

    async def one(self, connection: Connection, **values: object) -> Record | None:
        """The first row, or None."""
        return await connection.fetchrow(self.sql, *self._values(values))

    async def value(self, connection: Connection, **values: object) -> Any:  # noqa: ANN401 - any SQL type
        """The first column of the first row, or None."""
        return await connection.fetchval(self.sql, *self._values(values))

    async def run(self, connection: Connection, **values: object) -> int:
        """Execute; the number of rows touched."""
        status: str = await connection.execute(self.sql, *self._values(values))
        return int(status.rsplit(" ", 1)[-1]) if status[-1:].isdigit() else 0
