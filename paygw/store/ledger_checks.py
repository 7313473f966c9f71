"""Every invariant of the money rules that tables can tell, each as one statement that answers with its violations.

The records (receipts, slices, refunds, settlement lines, movements, fundings, disbursements) and the ledger are summed
apart and must agree to the đồng. Read in one snapshot: a report of a running hub is as true as one of a still one.
"""

from typing import Literal

from asyncpg import Connection

from paygw.store.engine import AUDIT_S

Mode = Literal["routing", "custody"]

_BASE = """
WITH rcp AS (
    SELECT r.*, 'H:' || r.bank || ':' || r.merchant AS pot,
        CASE WHEN $1 = 'routing' AND r.holder IS NOT NULL THEN 'RB:' || r.holder || ':held'
             ELSE 'H:bank:' || r.account END AS place
    FROM receipts r
), legs AS (
    SELECT r.id AS receipt_id, NULL::uuid AS refund_id, l.*
    FROM receipts r, jsonb_to_recordset(r.recoveries) AS l(line_no int, beneficiary text,
        code text, undisbursed_vnd bigint, disbursed_vnd bigint, funded_vnd bigint, held boolean)
    UNION ALL
    SELECT f.receipt_id, f.id, l.* FROM refunds f, jsonb_to_recordset(f.legs) AS l(line_no int, beneficiary text,
        code text, undisbursed_vnd bigint, disbursed_vnd bigint, funded_vnd bigint, held boolean)
), rfd AS (
    SELECT f.*, f.amount_vnd - f.body_paid_vnd AS sendable_vnd,
        f.status IN ('approved', 'funded', 'sending') AS under_way,
        CASE WHEN f.status IN ('approved', 'funded', 'sending', 'succeeded') THEN f.amount_vnd
             WHEN f.status IN ('failed', 'returned') THEN f.body_paid_vnd ELSE 0 END AS counted_vnd
    FROM refunds f
), kept AS (
    SELECT m.*,
        CASE WHEN m.event IN ('fee_kept', 'bank_charge', 'unidentified_debit', 'claim_opened') THEN -1 ELSE 1 END sign,
        CASE WHEN m.event IN ('fee_kept', 'fee_topped_up', 'bank_charge') THEN 'DUE:operator'
             WHEN m.event = 'interest' THEN 'INT:' || m.party
             WHEN m.event IN ('unidentified_debit', 'debit_returned', 'debit_known') THEN 'UBD'
             WHEN m.event = 'prefunded' THEN 'PF:' || m.party ELSE 'CLAIM:' || m.party END AS other
    FROM movements m
)"""
_M1 = """
SELECT 'M-1: ' || key || ' is off balance by ' || sum(amount_vnd) FROM ledger GROUP BY key HAVING sum(amount_vnd) <> 0
"""
_M2 = """
SELECT 'M-2: ' || account || ' can spend ' || vnd FROM (
    SELECT b.account, b.vnd
        - coalesce((SELECT sum(amount_vnd) FROM disbursements WHERE status = 'sent'
                    AND 'H:bank:' || account = b.account), 0)
        - coalesce((SELECT sum(f.amount_vnd - f.body_paid_vnd) FROM refunds f JOIN receipts r ON r.id = f.receipt_id
                    WHERE f.status = 'sending' AND f.route = 'transfer' AND 'H:bank:' || r.account = b.account), 0)
        AS vnd
    FROM (SELECT account, sum(amount_vnd) AS vnd FROM ledger WHERE account LIKE 'H:bank:%' GROUP BY account) b
) left_over WHERE vnd < 0
"""
_M3 = """
SELECT 'M-3: receipt ' || r.id || ' has ' || r.free_vnd || '+' || r.refund_due_vnd || ' unapplied, the ledger '
    || coalesce(b.free, 0) || '+' || coalesce(b.due, 0)
FROM receipts r LEFT JOIN (
    SELECT receipt_id, -sum(amount_vnd) FILTER (WHERE account = 'U:free') AS free,
        -sum(amount_vnd) FILTER (WHERE account = 'U:refund_due') AS due
    FROM ledger WHERE account IN ('U:free', 'U:refund_due') GROUP BY receipt_id
) b ON b.receipt_id = r.id
WHERE (coalesce(b.free, 0), coalesce(b.due, 0)) <> (r.free_vnd, r.refund_due_vnd)
"""
_M4 = """
SELECT 'M-4: receipt ' || id || ' came to ' || came || ' and went to ' || went FROM (
    SELECT r.id, r.amount_vnd - r.taken_back_vnd + r.claim_vnd AS came,
        r.free_vnd + r.refund_due_vnd
        + coalesce((SELECT sum(live_vnd) FROM slices s WHERE s.receipt_id = r.id), 0)
        + coalesce((SELECT sum(counted_vnd) FROM rfd WHERE rfd.receipt_id = r.id), 0) AS went
    FROM rcp r) sums WHERE came <> went
"""
_M5 = """
SELECT 'M-5: receipt ' || r.id || ' claims ' || r.claim_vnd || ' of what left' FROM rcp r
WHERE r.claim_vnd > coalesce((SELECT sum(counted_vnd) FROM rfd
    WHERE rfd.receipt_id = r.id AND status NOT IN ('approved', 'funded')), 0)
"""
_M6 = """
SELECT 'M-6: receipt ' || receipt_id || ' ' || beneficiary || ' met ' || funded_vnd || ' of ' || disbursed_vnd
FROM legs l WHERE funded_vnd NOT BETWEEN 0 AND disbursed_vnd
"""
_SUMS = """
, recorded AS (
    SELECT CASE WHEN settled THEN place ELSE pot END AS account, amount_vnd AS vnd FROM rcp
    UNION ALL SELECT CASE WHEN home = 'provider' THEN pot ELSE place END, -taken_back_vnd FROM rcp
    UNION ALL SELECT pot, -dispute_vnd FROM rcp
    UNION ALL SELECT 'CH', dispute_vnd FROM rcp
    UNION ALL SELECT 'U:free', -free_vnd FROM rcp
    UNION ALL SELECT 'U:refund_due', -refund_due_vnd FROM rcp
    UNION ALL SELECT 'CLAIM:' || bank, claim_vnd FROM rcp
    UNION ALL SELECT 'RP', -sendable_vnd FROM rfd WHERE under_way
    UNION ALL SELECT CASE WHEN r.home = 'provider' AND (f.route = 'provider' OR NOT r.settled) THEN r.pot
                     ELSE r.place END, -f.sendable_vnd
        FROM rfd f JOIN rcp r ON r.id = f.receipt_id WHERE f.status = 'succeeded'
    UNION ALL SELECT 'P:' || beneficiary || ':' || code, disbursed_vnd - live_vnd FROM slices
    UNION ALL SELECT r.place, -s.disbursed_vnd FROM slices s JOIN rcp r ON r.id = s.receipt_id
        WHERE $1 = 'routing' AND r.holder IS NOT NULL
    UNION ALL SELECT r.place, -l.disbursed_vnd FROM legs l JOIN rcp r ON r.id = l.receipt_id
        WHERE $1 = 'routing' AND r.holder IS NOT NULL AND NOT l.held
    UNION ALL SELECT 'RB:' || beneficiary || ':' || code, disbursed_vnd - funded_vnd FROM legs WHERE NOT held
    UNION ALL SELECT x.holding, x.amount_vnd FROM settlement_lines x WHERE x.kind <> 'receipt'
    UNION ALL SELECT r.pot, -x.amount_vnd FROM settlement_lines x JOIN rcp r ON r.id = x.receipt_id
        WHERE x.kind <> 'receipt'
    UNION ALL SELECT holding, sign * amount_vnd FROM kept
    UNION ALL SELECT other, -sign * amount_vnd FROM kept
    UNION ALL SELECT account, amount_vnd FROM fundings WHERE kind IN ('paid_in', 'prefunded')
    UNION ALL SELECT r.place, f.amount_vnd FROM fundings f JOIN rcp r ON r.id = f.from_receipt_id
        WHERE f.kind = 'netted' AND $1 = 'routing' AND r.holder IS NOT NULL
    UNION ALL SELECT 'DT', -amount_vnd FROM disbursements WHERE status = 'sent'
    UNION ALL SELECT 'H:bank:' || account, -amount_vnd FROM disbursements WHERE status = 'confirmed'
    UNION ALL SELECT 'PRET:' || beneficiary || ':' || code, reused_vnd - amount_vnd
        FROM disbursements WHERE status = 'returned'
), expected AS (SELECT account, sum(vnd) AS vnd FROM recorded GROUP BY account)
, stands AS (SELECT account, sum(amount_vnd) AS vnd FROM ledger GROUP BY account)
"""
_ACCOUNTS = """
SELECT 'M-7..10: ' || account || ' stands at ' || coalesce(s.vnd, 0) || ', the records make it ' || coalesce(e.vnd, 0)
FROM expected e FULL JOIN stands s USING (account) WHERE coalesce(s.vnd, 0) <> coalesce(e.vnd, 0)
"""
_CLEARING = """
SELECT split_part(account, ':', 2) AS bank, sum(abs(coalesce(s.vnd, 0) - coalesce(e.vnd, 0)))::bigint AS vnd
FROM expected e FULL JOIN stands s USING (account) WHERE account LIKE 'H:%' GROUP BY 1 ORDER BY 1
"""
_M9 = """
SELECT 'M-9: refund ' || f.id || ' (' || f.status || ') has ' || coalesce(b.vnd, 0) || ' on RP' FROM rfd f
LEFT JOIN (SELECT refund_id, -sum(amount_vnd) AS vnd FROM ledger WHERE account = 'RP' GROUP BY refund_id) b
    ON b.refund_id = f.id
WHERE coalesce(b.vnd, 0) <> CASE WHEN under_way THEN sendable_vnd ELSE 0 END
"""
_M10 = """
SELECT 'M-10: receipt ' || r.id || ' is settled here, its line there: ' || (x.line IS NOT NULL) FROM receipts r
LEFT JOIN settlement_lines x ON x.receipt_id = r.id AND x.kind = 'receipt'
WHERE r.home = 'provider' AND r.settled <> (x.line IS NOT NULL)
"""
_M11 = """
WITH owed AS (
    SELECT o.id AS order_id, (l->>'no')::int AS line_no, (l->>'obligation_id')::uuid AS obligation_id,
        (l->>'amount_vnd')::bigint AS vnd FROM orders o, jsonb_array_elements(o.lines) l
), live AS (
    SELECT w.obligation_id, w.order_id, sum(s.live_vnd) AS vnd, max(t.vnd) AS owed_vnd
    FROM owed w JOIN slices s ON (s.order_id, s.line_no) = (w.order_id, w.line_no)
    JOIN (SELECT order_id, obligation_id, sum(vnd) AS vnd FROM owed GROUP BY 1, 2) t
        ON (t.order_id, t.obligation_id) = (w.order_id, w.obligation_id)
    GROUP BY 1, 2 HAVING sum(s.live_vnd) > 0
)
SELECT 'M-11: obligation ' || obligation_id || ' is paid ' || sum(vnd) || ' of ' || max(owed_vnd)
    || ' by ' || count(*) || ' orders'
FROM live GROUP BY obligation_id HAVING count(*) > 1 OR sum(vnd) > max(owed_vnd)
UNION ALL
SELECT 'M-11: obligation ' || l.obligation_id || ' is paid by order ' || l.order_id || ' and stands under '
    || coalesce(b.order_id::text, 'none')
FROM live l JOIN obligations b ON b.id = l.obligation_id WHERE b.order_id IS DISTINCT FROM l.order_id
"""
_M12 = """
SELECT 'M-12: order ' || o.id || ' was paid and is ' || o.status FROM orders o JOIN events e ON e.order_id = o.id
WHERE e.type = 'order.paid' AND o.status <> 'paid'
UNION ALL
SELECT 'M-12: order ' || o.id || ' is ' || o.status || ' with allocated money' FROM orders o
WHERE o.status <> 'paid' AND EXISTS (SELECT FROM slices s WHERE s.order_id = o.id AND s.line_no > 0 AND s.live_vnd > 0)
"""
_M15 = """
SELECT 'M-15: ' || m.key || ' moved money of receipt ' || m.receipt_id || ' while it was in dispute'
FROM ledger o JOIN ledger m ON m.receipt_id = o.receipt_id AND m.seq > o.seq AND m.rule IN ('9', '9a', '17a', '22')
WHERE o.rule = '12' AND o.account = 'CH' AND NOT EXISTS (SELECT FROM ledger e WHERE e.receipt_id = o.receipt_id
    AND e.rule IN ('13', '14') AND e.seq > o.seq AND e.seq < m.seq)
"""
_M16 = """
SELECT 'M-16: refund ' || f.id || ' is ' || f.status || ' and not funded' FROM rfd f
WHERE f.status IN ('sending', 'succeeded') AND EXISTS (SELECT FROM legs l WHERE l.refund_id = f.id
    AND (l.held AND l.disbursed_vnd > 0 AND NOT f.consented OR NOT l.held AND l.disbursed_vnd > l.funded_vnd))
UNION ALL
SELECT 'M-16: refund ' || f.id || ' goes by transfer before its receipt is settled'
FROM rfd f JOIN rcp r ON r.id = f.receipt_id
WHERE f.status IN ('sending', 'succeeded') AND f.route = 'transfer' AND NOT r.settled
"""
_M17 = """
WITH owing AS (
    SELECT d.seq, h.account, d.amount_vnd FROM ledger d JOIN ledger h ON h.key = d.key AND h.account LIKE 'H:bank:%'
    WHERE d.account = 'DUE:operator'
)
SELECT 'M-17: ' || l.key || ' left ' || d.account || ' while it owed a fee' FROM ledger l
JOIN disbursements d ON d.batch_id::text = l.batch_id AND d.receipt_id = l.receipt_id
    AND (d.line_no, d.beneficiary, d.code) = (l.line_no, l.beneficiary, l.code)
WHERE l.rule = '22' AND l.account = 'DT'
    AND (SELECT coalesce(sum(w.amount_vnd), 0) FROM owing w
         WHERE w.account = 'H:bank:' || d.account AND w.seq < l.seq) <> 0
"""
_M19 = """
WITH told(refund_id, type) AS (
    SELECT f.id, t.type FROM refunds f JOIN receipts r ON r.id = f.receipt_id AND r.order_id IS NOT NULL
    JOIN (VALUES ('succeeded', 'refund.succeeded'), ('returned', 'refund.succeeded'), ('returned', 'refund.returned'),
        ('failed', 'refund.failed'), ('rejected', 'refund.rejected')) AS t(status, type) ON t.status = f.status
), written AS (SELECT split_part(key, ':', 2)::uuid AS refund_id, type FROM events WHERE type LIKE 'refund.%')
SELECT 'M-19: ' || coalesce(t.type, w.type) || ' of refund ' || coalesce(t.refund_id, w.refund_id)
    || CASE WHEN w.type IS NULL THEN ' was not told' ELSE ' was told and is not so' END
FROM told t FULL JOIN written w ON w.refund_id = t.refund_id AND w.type = t.type
WHERE t.type IS NULL OR w.type IS NULL
UNION ALL
SELECT 'M-19: order ' || o.id || ' is paid and ' || count(e.id) || ' events say so' FROM orders o
LEFT JOIN events e ON e.order_id = o.id AND e.type = 'order.paid'
WHERE o.status = 'paid' GROUP BY o.id HAVING count(e.id) <> 1
UNION ALL
SELECT 'M-19: event ' || e.id || ' has no delivery' FROM events e LEFT JOIN deliveries d ON d.event_id = e.id
WHERE d.event_id IS NULL
"""
_M23 = """
SELECT 'M-23: unapplied money of receipt ' || r.id || ' has no case' FROM receipts r
WHERE r.free_vnd > 0 AND NOT EXISTS (SELECT FROM cases c WHERE c.receipt_id = r.id)
UNION ALL
SELECT 'M-23: ' || m.key || ' left an account unexplained and has no case' FROM movements m
WHERE m.event = 'unidentified_debit' AND NOT EXISTS (SELECT FROM cases c WHERE c.key = 'debit:' || m.key)
"""
_PLAIN = (_M1, _M2, _M3, _M10, _M11, _M12, _M15, _M17, _M19, _M23)
_OVER_BASE = (_M4, _M5, _M6, _SUMS + _ACCOUNTS, _M9, _M16)


async def find_violations(connection: Connection, *, mode: Mode) -> list[str]:
    """Every violated invariant as one sentence that begins with its number; empty when the books are right."""
    found: list[str] = []
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        await connection.execute("SET LOCAL statement_timeout = 0")  # an audit of years may take its time
        for sql in _PLAIN:
            found += [row[0] for row in await connection.fetch(sql, timeout=AUDIT_S)]
        for sql in _OVER_BASE:
            found += [row[0] for row in await connection.fetch(_BASE + sql, mode, timeout=AUDIT_S)]
    return sorted(found)


async def clearing_differences(connection: Connection, *, mode: Mode) -> dict[str, int]:
    """Per bank, by how many đồng the ledger's clearing accounts differ from the records; `bank`: our own accounts."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        await connection.execute("SET LOCAL statement_timeout = 0")
        rows = await connection.fetch(_BASE + _SUMS + _CLEARING, mode, timeout=AUDIT_S)
    return {row["bank"]: row["vnd"] for row in rows}
