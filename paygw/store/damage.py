"""Deliberate damage past every rule, as the owner of a database could do it: the demo shows that its judge sees it."""

from typing import Literal

import asyncpg

from paygw.store.dsn import Dsn

Damage = Literal["receipt", "ledger", "order"]

_STATEMENTS: dict[Damage, str] = {
    "receipt": "UPDATE receipts SET free_vnd = free_vnd + 1 WHERE id IN (SELECT id FROM receipts ORDER BY id LIMIT 1)",
    "ledger": (
        "INSERT INTO ledger (key, n, rule, account, amount_vnd, bank, merchant, value_date) VALUES "
        "('forged', 0, '3', 'H:sandbox-a:PAYGW', 1000, 'sandbox-a', 'PAYGW', current_date), "
        "('forged', 1, '3', 'U:free', -1000, 'sandbox-a', 'PAYGW', current_date)"
    ),
    "order": "UPDATE orders SET status = 'open' WHERE status = 'paid'",
}


async def damage(owner: Dsn, what: Damage) -> None:
    """Break one thing in a demo's database."""
    connection = await asyncpg.connect(**owner.connect_args())
    try:
        await connection.execute(_STATEMENTS[what])
    finally:
        await connection.close()
