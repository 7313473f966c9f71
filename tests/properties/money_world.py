"""The world a sequence of actions plays in: a hub, what was made in it, and how luck chooses."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from asyncpg import Record

from paygw.hub.hub import Hub
from paygw.kernel.errors import Refused
from paygw.kernel.evidence import Evidence
from paygw.kernel.orders import Attempt
from paygw.kernel.settlement import Destination
from paygw.store.settlement import read_spendable

ACCOUNT = "9704"
HOLDER = "agency@G22.99"
T = TypeVar("T")


@dataclass(slots=True)
class World:
    """A hub, and what one sequence of actions made in it."""

    hub: Hub
    orders: list[str] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    told: list[tuple[str, Evidence]] = field(default_factory=list)
    count: int = 0

    def name(self, kind: str) -> str:
        """A name nobody has had."""
        self.count += 1
        return f"{kind}-{self.count}"

    async def rows(self, sql: str, *values: object) -> list[Record]:
        """What the database holds."""
        async with self.hub.pool.acquire() as connection:
            found: list[Record] = await connection.fetch(sql, *values)
        return found

    @property
    def to(self) -> Destination:
        """Where settlements go."""
        custody = self.hub.settings.funds == "custody"
        return Destination(account=ACCOUNT) if custody else Destination(account=ACCOUNT, holder=HOLDER)

    @property
    def holding(self) -> str:
        """The same as a ledger account."""
        return self.to.ledger_account(self.hub.settings.funds)

    async def can_lose(self, amount_vnd: int) -> bool:
        """Whether our account could really be debited; nobody can take what is not there."""
        if self.hub.settings.funds == "routing":
            return True
        async with self.hub.pool.acquire() as connection:
            stands = await read_spendable(connection, ACCOUNT)
        return stands.balance_vnd - stands.in_flight_vnd >= amount_vnd


Action = Callable[[World, int], Awaitable[object]]


def pick(items: list[T], luck: int) -> T:
    """One of these. Raises Refused when there is none: nothing happens."""
    if not items:
        raise Refused("nothing_there", "There is nothing to act on.")
    return items[luck % len(items)]
