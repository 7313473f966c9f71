"""The checks of the books find what is wrong: each slip of the pen, made by hand, is named by its invariant."""

import pytest

from paygw.hub.hub import Hub
from paygw.hub.refunds import RefundAsk, approve_refund, request_refund
from paygw.store.ledger_checks import find_violations
from tests.hub.world import paid, staffed
from tests.hub_fixtures import PORTAL

pytestmark = pytest.mark.db

SLIPS = (
    ("UPDATE receipts SET free_vnd = free_vnd + 1", "M-3"),
    ("UPDATE receipts SET refund_due_vnd = 5", "M-4"),
    ("UPDATE receipts SET claim_vnd = 5, free_vnd = 5", "M-5"),
    ("UPDATE refunds SET legs = jsonb_set(legs, '{0,funded_vnd}', '9')", "M-6"),
    ("UPDATE slices SET live_vnd = live_vnd - 1 WHERE live_vnd > 1", "M-7"),
    ("UPDATE slices SET disbursed_vnd = live_vnd", "M-7"),
    ("UPDATE refunds SET status = 'succeeded'", "M-9"),
    ("UPDATE receipts SET settled = true, holder = 'x'", "M-10"),
    ("UPDATE obligations SET order_id = NULL", "M-11"),
    ("UPDATE slices SET live_vnd = live_vnd + 300000", "M-11"),
    ("UPDATE orders SET status = 'expired'", "M-12"),
    ("UPDATE refunds SET status = 'sending', route = 'transfer'", "M-16"),
    ("UPDATE refunds SET status = 'failed'", "M-19"),
    (
        (
            "INSERT INTO ledger (key, n, rule, account, amount_vnd, bank, merchant, value_date) VALUES "
            "('x', 0, '?', 'H:bank:1', -5, '', '', '2026-01-01'), ('x', 1, '?', 'UBD', 5, '', '', '2026-01-01')"
        ),
        "M-2",
    ),
)


@pytest.mark.parametrize(("slip", "number"), SLIPS)
async def test_a_slip_is_named(hub: Hub, slip: str, number: str) -> None:
    await staffed(hub)
    order_id, _ = await paid(hub)
    ask = RefundAsk(source="component", component="phi", amount_vnd=60_000, reason="?")
    await request_refund(hub, PORTAL, order_id, ask, key="k")
    async with hub.pool.acquire() as connection:
        await approve_refund(hub, str(await connection.fetchval("SELECT id FROM refunds")), by="minh")
        assert await find_violations(connection, mode="routing") == []

        await connection.execute(slip)

        assert number in {
            sentence.split(":")[0].split("..")[0] for sentence in await find_violations(connection, mode="routing")
        }
