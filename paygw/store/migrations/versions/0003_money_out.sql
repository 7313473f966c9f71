-- What the ledger says of money out must equal records of its own (M-8 to M-10): these are the records.

CREATE TABLE settlements (                    -- one provider batch: its lines against the one net credit
    bank text NOT NULL,
    batch text NOT NULL,
    holding text NOT NULL,                    -- the ledger account that got the money
    lines_vnd bigint NOT NULL,
    fee_vnd bigint NOT NULL CONSTRAINT settlements_fee CHECK (fee_vnd >= 0),
    net_vnd bigint NOT NULL,
    status text NOT NULL CONSTRAINT settlements_status CHECK (status IN ('matched', 'differs')),
    closed_at timestamptz NOT NULL,
    CONSTRAINT settlements_pk PRIMARY KEY (bank, batch)
);

CREATE TABLE settlement_lines (               -- a movement of a provider is settled once, whatever file says so
    bank text NOT NULL,
    batch text NOT NULL,
    line text NOT NULL,
    kind text NOT NULL CONSTRAINT settlement_lines_kind
        CHECK (kind IN ('receipt', 'refund', 'return', 'reversal', 'dispute', 'dispute_won')),
    subject text NOT NULL,
    receipt_id uuid NOT NULL CONSTRAINT settlement_lines_receipt_fk REFERENCES receipts (id),
    holding text NOT NULL,
    amount_vnd bigint NOT NULL CONSTRAINT settlement_lines_amount CHECK (amount_vnd <> 0),
    booked_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT settlement_lines_pk PRIMARY KEY (bank, batch, line),
    CONSTRAINT settlement_lines_once UNIQUE (bank, kind, subject)
);
CREATE INDEX settlement_lines_receipt ON settlement_lines (receipt_id);

CREATE TABLE movements (                      -- what happened on a holding account beside receipts and payouts
    key text CONSTRAINT movements_pk PRIMARY KEY,
    event text NOT NULL CONSTRAINT movements_event CHECK (event IN ('fee_kept', 'fee_topped_up', 'bank_charge',
        'interest', 'unidentified_debit', 'debit_returned', 'prefunded', 'claim_paid')),
    holding text NOT NULL,
    party text NOT NULL,
    amount_vnd bigint NOT NULL CONSTRAINT movements_amount CHECK (amount_vnd > 0),
    booked_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX movements_holding ON movements (holding);

CREATE TABLE fundings (                       -- how a beneficiary met what it has to give back
    id text CONSTRAINT fundings_pk PRIMARY KEY,
    kind text NOT NULL CONSTRAINT fundings_kind
        CHECK (kind IN ('paid_in', 'prefunded', 'returned', 'body_paid', 'netted')),
    receipt_id uuid NOT NULL CONSTRAINT fundings_receipt_fk REFERENCES receipts (id),
    refund_id uuid CONSTRAINT fundings_refund_fk REFERENCES refunds (id),
    beneficiary text NOT NULL,
    code text NOT NULL,
    amount_vnd bigint NOT NULL CONSTRAINT fundings_amount CHECK (amount_vnd > 0),
    account text NOT NULL,                    -- debited
    from_receipt_id uuid,                     -- netted: the receipt whose slice was used up
    booked_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX fundings_receipt ON fundings (receipt_id);

ALTER TABLE disbursements
    ADD COLUMN reused_vnd bigint NOT NULL DEFAULT 0
        CONSTRAINT disbursements_reused CHECK (reused_vnd = 0 OR (status = 'returned' AND reused_vnd BETWEEN 0 AND amount_vnd)),
    ADD COLUMN made_by text NOT NULL DEFAULT '',
    ADD COLUMN checked_by text NOT NULL DEFAULT '';
CREATE INDEX disbursements_open ON disbursements (account) WHERE status = 'sent';
CREATE INDEX disbursements_returned ON disbursements (beneficiary, code) WHERE status = 'returned';

DO $$
DECLARE kept text;
BEGIN
    FOREACH kept IN ARRAY ARRAY['settlement_lines', 'movements', 'fundings']
    LOOP
        EXECUTE format('CREATE TRIGGER %I BEFORE UPDATE OR DELETE OR TRUNCATE ON %I FOR EACH STATEMENT '
            'EXECUTE FUNCTION refuse_change()', kept || '_append_only', kept);
        EXECUTE format('ALTER TABLE %I ENABLE ALWAYS TRIGGER %I', kept, kept || '_append_only');
        EXECUTE format('GRANT SELECT, INSERT ON %I TO paygw_runtime', kept);
    END LOOP;
END $$;
GRANT SELECT, INSERT, UPDATE ON settlements TO paygw_runtime;
