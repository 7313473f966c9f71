"""Give a hub a past: paid orders with all that belongs to them, made by the server itself."""

import time

from bench.anchor import run_sql
from bench.world import World

_PAD = "repeat(md5(g.n::text), {0})"  # 32 characters that do not compress as a single letter would
_FILL = f"""
SET synchronous_commit = off;
SET session_replication_role = replica;
CREATE TEMP TABLE g AS SELECT n, uuidv7() AS o, uuidv7() AS b, uuidv7() AS a, uuidv7() AS r, uuidv7() AS e,
    now() - n * interval '20 seconds' AS at FROM generate_series({{first}}, {{last}}) n;
INSERT INTO idempotency (principal, route, key, fingerprint, status, answer, created_at)
    SELECT 'bench', 'POST /v1/orders', 'past-' || n, sha256(n::text::bytea), 201, {_PAD.format(30)}::bytea, at FROM g;
INSERT INTO orders (id, portal_id, reference, status, amount_vnd, version, receipt_count, expires_at, created_at, lines,
        face, quote, private, return_url)
    SELECT o, 'bench', 'past-' || n, 'paid', 205000, 2, 1, at + interval '7 days', at, '[]',
        jsonb_build_object('id', 'ord_' || replace(o::text, '-', ''), 'note', {_PAD.format(25)}),
        jsonb_build_array({_PAD.format(45)}), {_PAD.format(3)}::bytea, 'https://portal.example/back' FROM g;
INSERT INTO obligations (id, collecting_body, dossier_code, assessment_no, component_set, order_id)
    SELECT b, 'G22.99', 'past-' || n, '', '2.000488:phi', o FROM g;
INSERT INTO order_lines (order_id, obligation_id) SELECT o, b FROM g;
INSERT INTO attempts (id, order_id, bank, merchant, ref, method, amount_vnd, status, created_at, expires_at)
    SELECT a, o, 'sandbox-a', 'HUB', 'PAST' || n, 'wallet', 205000, 'succeeded', at, at FROM g;
INSERT INTO messages (bank, digest, verdict, body, received_at)
    SELECT 'sandbox-a', sha256(a::text::bytea), 'accepted', {_PAD.format(10)}::bytea, at FROM g;
INSERT INTO evidence (bank, key, kind, authority, attempt_id, body, received_at)
    SELECT 'sandbox-a', 'PaymentSeen|' || a || {_PAD.format(4)}, 'PaymentSeen', 2, a, '{{{{}}}}', at FROM g;
INSERT INTO receipts (id, key, bank, merchant, bank_txn_id, home, account, order_id, attempt_id, amount_vnd, free_vnd,
        refund_due_vnd, taken_back_vnd, taken_back_by, claim_vnd, dispute_vnd, settled, blocked, reason, conflict,
        received_at, value_date, recoveries, booked_at)
    SELECT r, 'sandbox-a|PAST' || n, 'sandbox-a', 'HUB', 'past-' || n, 'provider', '', o, a, 205000, 0, 0, 0, '', 0, 0,
        false, '', '', false, at, at::date, '[]', at FROM g;
INSERT INTO receipt_aliases (observer, alias, receipt_id) SELECT 'sandbox-a', 'past-' || n, r FROM g;
INSERT INTO slices (receipt_id, order_id, line_no, beneficiary, code, live_vnd, disbursed_vnd)
    SELECT r, o, 1, 'treasury', '-.2715.-.G22.99', 205000, 0 FROM g;
INSERT INTO ledger (key, n, rule, account, amount_vnd, receipt_id, order_id, bank, merchant, value_date)
    SELECT 'past:' || r, i, '3', CASE i WHEN 0 THEN 'P:past' ELSE 'U:free' END, CASE i WHEN 0 THEN 1 ELSE -1 END, r, o,
        'sandbox-a', 'HUB', at::date FROM g, generate_series(0, 1) i;
INSERT INTO events (id, key, portal_id, order_id, type, body)
    SELECT e, 'past:' || o, 'bench', o, 'order.paid', {_PAD.format(30)}::bytea FROM g;
"""  # noqa: S608 - only constants of this module
_STEP = 100_000


def fill(world: World, orders: int) -> float:
    """Write so many paid orders, look at the tables as autovacuum would; the seconds it took."""
    started = time.perf_counter()
    for first in range(1, orders + 1, _STEP):
        run_sql(world, _FILL.format(first=first, last=min(first + _STEP - 1, orders)))
    run_sql(world, "VACUUM (ANALYZE); CHECKPOINT;")
    return time.perf_counter() - started
