"""Two persons: who proposes and who decides, never the same one, the decider with the role for it."""

from dataclasses import dataclass

import msgspec
from asyncpg import Connection

from paygw.kernel.errors import Refused
from paygw.store.audit import AuditRow, add_audit
from paygw.store.persons import role_of

_MAKERS = frozenset({"clerk", "approver", "operator"})  # an auditor reads, an admin moves no money
_CHECKERS = frozenset({"approver"})


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoPersons:
    """Ids of persons; `document` names the paper or file that both looked at."""

    maker: str
    checker: str
    document: str = ""


def principal_of(person_id: str) -> str:
    """A person as the audit trail and the refunds name it; portals are `portal:ID`."""
    return f"person:{person_id}"


async def require_maker(connection: Connection, person_id: str) -> None:
    """Raise Refused `role_missing` unless the person may propose."""
    if await role_of(connection, person_id) not in _MAKERS:
        raise Refused("role_missing", f"{person_id!r} may not propose: a clerk, an approver or an operator does.")


async def require_checker(connection: Connection, person_id: str) -> None:
    """Raise Refused `role_missing` unless the person may decide."""
    if await role_of(connection, person_id) not in _CHECKERS:
        raise Refused("role_missing", "Only a person with the role approver decides.")


async def decided_by_two(
    connection: Connection, persons: TwoPersons, action: str, subject: str, **detail: str | int
) -> None:
    """Check the rule and leave the audit row of the decision. Raises Refused `same_person`, `role_missing`."""
    if persons.maker == persons.checker:
        raise Refused("same_person", "A second person must decide.")
    await require_maker(connection, persons.maker)
    await require_checker(connection, persons.checker)
    told = {"maker": persons.maker, "document": persons.document, **detail}
    await tell_audit(connection, principal_of(persons.checker), action, subject, **told)


async def tell_audit(connection: Connection, principal: str, action: str, subject: str, **detail: str | int) -> None:
    """One row of the audit trail, in the transaction of what it tells of."""
    row = AuditRow(principal=principal, action=action, subject=subject, detail=msgspec.json.encode(detail).decode())
    await add_audit(connection, row)
