"""What may change of a bank that has brought money, and what may not."""

import pytest

from paygw.hub.hub import Hub
from paygw.hub.provisioning import BankChange, apply
from paygw.kernel.errors import Refused
from tests.hub.world import paid

pytestmark = pytest.mark.db

BANK = "sandbox-a"


def changed(**other: str) -> BankChange:
    """The bank at another place."""
    wanted = {"base_url": "http://127.0.0.1:9/other", "merchant": "PAYGW", "account": "", **other}
    return BankChange(
        id=BANK, connector="sandbox", title="", values={"secret": "x" * 32}, options={"flow": "redirect"},
        home="provider", holder=None, update=True, **wanted,
    )  # fmt: skip


async def provision(hub: Hub, change: BankChange) -> object:
    """The state after it."""
    return (await hub.transact(lambda connection: apply(hub, connection, change, by="test")))["state"]


@pytest.mark.parametrize("other", [{"account": "1020304050"}, {"merchant": "OTHER"}])
async def test_a_bank_that_brought_money_keeps_the_names_of_its_payments(hub: Hub, other: dict[str, str]) -> None:
    """With another account the bank's next word about a payment named another receipt, and was booked again."""
    await provision(hub, changed())
    await paid(hub)

    with pytest.raises(Refused, match="add another bank"):
        await provision(hub, changed(**other))

    assert await provision(hub, changed(base_url="http://127.0.0.1:9/third")) == "updated"


async def test_a_bank_without_money_may_still_change(hub: Hub) -> None:
    await provision(hub, changed())

    assert await provision(hub, changed(account="1020304050")) == "updated"
