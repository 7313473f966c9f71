-- What a night, a trace and a look at an attempt ask of tables that only grow.

CREATE INDEX receipts_day ON receipts (bank, value_date);
CREATE INDEX receipts_attempt ON receipts (attempt_id) WHERE attempt_id IS NOT NULL;
CREATE INDEX receipt_aliases_receipt ON receipt_aliases (receipt_id);
CREATE INDEX reversals_day ON reversals (bank, occurred_at);
-- Refunds have the day on which their end was booked: the first line of that posting.
CREATE INDEX ledger_refunded ON ledger (booked_at) WHERE n = 0 AND rule IN ('10', '10b');
