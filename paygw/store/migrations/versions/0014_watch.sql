-- What the night looks for in the records is rare: it is found by what makes it rare.

CREATE INDEX receipts_conflict ON receipts (bank) WHERE conflict;
CREATE INDEX receipts_owing ON receipts (bank) WHERE claim_vnd > 0 OR recoveries <> '[]';
CREATE INDEX refunds_owing ON refunds (receipt_id) WHERE status = 'approved' OR void;
