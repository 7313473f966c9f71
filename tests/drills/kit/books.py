"""The books as finance reads them over the API: totals by account, and the money nobody has placed yet."""

from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp

from tests.drills.kit.client import get
from tests.drills.kit.provision import FINANCE_KEY


@dataclass(frozen=True, slots=True)
class Balance:
    """Debit less credit by account, whole đồng."""

    accounts: Mapping[str, int]

    @property
    def total_vnd(self) -> int:
        """Of all accounts: 0 in books that balance."""
        return sum(self.accounts.values())

    @property
    def owed_to_payers_vnd(self) -> int:
        """What is in no obligation yet."""
        return -sum(vnd for name, vnd in self.accounts.items() if name.startswith("U:"))

    def held_at(self, bank: str) -> int:
        """What a bank holds, by the books."""
        return sum(vnd for name, vnd in self.accounts.items() if name.startswith(f"H:{bank}:"))


async def trial_balance(origin: str) -> Balance:
    """One snapshot."""
    async with aiohttp.ClientSession() as http:
        answer = await get(http, origin, "/v1/ledger/trial-balance", api_key=FINANCE_KEY)
    assert answer.status == 200, answer.body
    return Balance({one["account"]: one["debit_vnd"] - one["credit_vnd"] for one in answer.json["accounts"]})


async def unapplied_vnd(origin: str) -> int:
    """The sum of every item of unapplied money, page after page."""
    total_vnd, after = 0, ""
    async with aiohttp.ClientSession() as http:
        while True:
            answer = await get(http, origin, f"/v1/unapplied?limit=100{after}", api_key=FINANCE_KEY)
            assert answer.status == 200, answer.body
            total_vnd += sum(int(item["amount_vnd"]) for item in answer.json["items"])
            if not answer.json["next"]:
                return total_vnd
            after = f"&after={answer.json['next']}"
