"""The anchor: pgbench writing the same rows in one statement on the same server, with nothing decided in between."""

import re
import subprocess
from pathlib import Path

from bench.world import World

CLIENTS = 32

_PAD = "repeat('x', {0})"
CREATE_SCRIPT = f"""
\\set n random(1, 2000000000)
WITH u AS (SELECT uuidv7() AS o, uuidv7() AS b, :client_id || '-' || :n || '-' || nextval('anchor_seq') AS t),
k AS (INSERT INTO idempotency (principal, route, key, fingerprint, status, answer)
    SELECT 'anchor', 'POST /v1/orders', t, sha256(t::bytea), 201, {_PAD.format(1100)}::bytea FROM u RETURNING 1),
r AS (INSERT INTO orders (id, portal_id, reference, status, amount_vnd, version, expires_at, created_at, lines, face,
        quote, private, return_url)
    SELECT u.o, 'anchor', u.t, 'open', 205000, 1, now() + interval '7 days', now(),
        jsonb_build_array({_PAD.format(620)}), jsonb_build_array({_PAD.format(850)}),
        jsonb_build_array({_PAD.format(1500)}), {_PAD.format(90)}::bytea, 'https://portal.example/back'
    FROM u, k RETURNING 1),
b AS (INSERT INTO obligations (id, collecting_body, dossier_code, assessment_no, component_set)
    SELECT u.b, 'G22.99', u.t, '', '2.000488 phi,in_them' FROM u, r RETURNING 1)
INSERT INTO order_lines (order_id, obligation_id) SELECT u.o, u.b FROM u, b;
"""  # noqa: S608 - only constants of this module

_SHARES = 6
WEBHOOK_SCRIPT = f"""
WITH q AS (SELECT p.* FROM anchor_pool p WHERE p.n = nextval('anchor_take')), u AS (SELECT uuidv7() AS r, q.* FROM q),
a1 AS (UPDATE obligations o SET order_id = u.order_id, attempt_id = NULL FROM u WHERE o.id = u.obligation_id),
a2 AS (UPDATE orders o SET status = 'paid', version = 2, receipt_count = 1 FROM u WHERE o.id = u.order_id),
a3 AS (UPDATE attempts a SET status = 'succeeded', next_enquiry_at = NULL FROM u WHERE a.id = u.attempt_id),
m AS (INSERT INTO messages (bank, digest, verdict, body)
    SELECT 'anchor', sha256(u.r::text::bytea), 'accepted', {_PAD.format(330)}::bytea FROM u),
e AS (INSERT INTO evidence (bank, key, kind, authority, attempt_id, body, digest)
    SELECT 'anchor', u.r || {_PAD.format(180)}, 'PaymentSeen', 2, u.attempt_id, jsonb_build_array({_PAD.format(220)}),
        sha256(u.r::text::bytea) FROM u),
c AS (INSERT INTO receipts (id, key, bank, merchant, bank_txn_id, home, account, order_id, attempt_id, amount_vnd,
        free_vnd, refund_due_vnd, taken_back_vnd, taken_back_by, claim_vnd, dispute_vnd, settled, blocked, reason,
        conflict, received_at, value_date, recoveries)
    SELECT u.r, 'anchor|' || u.r, 'anchor', 'HUB', u.r::text, 'provider', '', u.order_id, u.attempt_id, 205000, 0, 0, 0,
        '', 0, 0, false, '', '', false, now(), current_date, '[]' FROM u),
l AS (INSERT INTO receipt_aliases (observer, alias, receipt_id) SELECT 'anchor', u.r::text, u.r FROM u),
s AS (INSERT INTO slices (receipt_id, order_id, line_no, beneficiary, code, live_vnd, disbursed_vnd)
    SELECT u.r, u.order_id, 1, 'b' || i, '-.2715.-.G22.99', 1000, 0 FROM u, generate_series(1, {_SHARES}) i),
g AS (INSERT INTO ledger (key, n, rule, account, amount_vnd, receipt_id, order_id, line_no, beneficiary, code, bank,
        merchant, value_date)
    SELECT CASE WHEN i < 2 THEN 'rcv:' ELSE 'alloc:' END || u.r, CASE WHEN i < 2 THEN i ELSE i - 2 END, '3',
        'P-anchor-' || i, CASE i WHEN 0 THEN 205000 WHEN 1 THEN -205000 WHEN 2 THEN {_SHARES} ELSE -1 END, u.r,
        u.order_id, 1, 'b', '-.2715.-.G22.99', 'anchor', 'HUB', current_date
    FROM u, generate_series(0, {_SHARES} + 2) i),
v AS (INSERT INTO events (id, key, portal_id, order_id, type, body)
    SELECT u.r, 'order:' || u.r, 'anchor', u.order_id, 'order.paid', {_PAD.format(1150)}::bytea FROM u)
INSERT INTO deliveries (event_id, portal_id) SELECT u.r, 'anchor' FROM u;
"""  # noqa: S608 - only constants of this module
_PREPARE = """
CREATE SEQUENCE IF NOT EXISTS anchor_seq;
CREATE SEQUENCE IF NOT EXISTS anchor_take;
CREATE TABLE IF NOT EXISTS anchor_pool (n bigint PRIMARY KEY, order_id uuid, obligation_id uuid, attempt_id uuid);
TRUNCATE anchor_pool;
ALTER SEQUENCE anchor_take RESTART;
INSERT INTO anchor_pool SELECT row_number() OVER (ORDER BY l.order_id), l.order_id, l.obligation_id, uuidv7()
FROM order_lines l JOIN orders o ON o.id = l.order_id AND o.portal_id = 'anchor' AND o.status = 'open' LIMIT {count};
INSERT INTO attempts (id, order_id, bank, merchant, ref, method, amount_vnd, status, session, created_at, expires_at,
    next_enquiry_at)
SELECT attempt_id, order_id, 'anchor', 'HUB', attempt_id::text, 'wallet', 205000, 'redirected', '{{}}', now(), now(),
    now() + interval '1 hour' FROM anchor_pool;
ANALYZE;
"""
_TPS = re.compile(r"tps = ([0-9.]+)")


def prepare(world: World, count: int) -> None:
    """Sequences, and orders with attempts that the webhook anchor can pay."""
    run_sql(world, _PREPARE.format(count=count))


def pgbench(world: World, script: str, transactions: int) -> tuple[float, float]:
    """Run a script with as many clients as the hub has connections; transactions per second and p99 in ms."""
    folder = world.settings.var / "anchor"
    folder.mkdir(exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    path = folder / "script.sql"
    path.write_text(script)
    each = max(1, transactions // CLIENTS)
    dsn = world.cluster.super_dsn("paygw")
    command = [
        _binary(world, "pgbench"), "-n", "-M", "prepared", "-f", str(path), "-c", str(CLIENTS), "-j", "1",
        "-t", str(each), "-l", "--log-prefix", str(folder / "log"),
        "-h", dsn.host, "-p", str(dsn.port), "-U", dsn.user, dsn.database,
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"pgbench: {done.stderr.strip()}")
    latencies = sorted(
        int(line.split()[2]) for log in folder.glob("log*") for line in log.read_text().splitlines() if line
    )
    found = _TPS.search(done.stdout)
    return float(found[1]) if found else 0.0, latencies[int(0.99 * len(latencies))] / 1000


def run_sql(world: World, script: str) -> None:
    """Run statements as the owner of the server. Raises CalledProcessError with what the server said."""
    dsn = world.cluster.super_dsn("paygw")
    command = [
        _binary(world, "psql"), "-q", "-v", "ON_ERROR_STOP=1",
        "-h", dsn.host, "-p", str(dsn.port), "-U", dsn.user, dsn.database,
    ]  # fmt: skip
    subprocess.run(command, input=script, text=True, check=True, capture_output=True)


def _binary(world: World, name: str) -> str:
    """The client programs of the same wheel as the server."""
    postmaster = int((world.cluster.data / "postmaster.pid").read_text().split("\n", 1)[0])
    return str(Path(f"/proc/{postmaster}/exe").resolve().with_name(name))
