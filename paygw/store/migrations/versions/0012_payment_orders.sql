-- Batches of payment orders are of three kinds; and the lines of statements that tell what became of an order.

ALTER TABLE payouts ADD COLUMN kind text NOT NULL DEFAULT 'slices'
    CONSTRAINT payouts_kind CHECK (kind IN ('slices', 'again', 'refunds'));

CREATE TABLE payout_lines (                   -- an order left our account by one debit and came back by one credit
    batch_id uuid NOT NULL CONSTRAINT payout_lines_batch_fk REFERENCES payouts (batch_id),
    order_no integer NOT NULL,
    direction text NOT NULL CONSTRAINT payout_lines_direction CHECK (direction IN ('credit', 'debit')),
    bank text NOT NULL,
    day date NOT NULL,
    bank_txn_id text NOT NULL,
    told_at timestamptz NOT NULL,
    CONSTRAINT payout_lines_pk PRIMARY KEY (batch_id, order_no, direction),
    CONSTRAINT payout_lines_once UNIQUE (bank, bank_txn_id, direction)
);
CREATE INDEX payout_lines_day ON payout_lines (bank, day);

CREATE TRIGGER payout_lines_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON payout_lines
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE payout_lines ENABLE ALWAYS TRIGGER payout_lines_append_only;
GRANT SELECT, INSERT ON payout_lines TO paygw_runtime;
