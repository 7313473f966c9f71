-- A debit nobody could name comes off UBD when it is known (row 21b): as a charge, as a claim, or as booked elsewhere.

ALTER TABLE movements DROP CONSTRAINT movements_event, ADD CONSTRAINT movements_event CHECK (event IN ('fee_kept',
    'fee_topped_up', 'bank_charge', 'interest', 'unidentified_debit', 'debit_returned', 'debit_known', 'prefunded',
    'claim_paid', 'claim_opened'));
