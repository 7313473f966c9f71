-- What a batch comes to, by the day it is paid out; and the lines of statements that paid it.

ALTER TABLE settlement_lines
    ADD COLUMN fee_vnd bigint NOT NULL DEFAULT 0 CONSTRAINT settlement_lines_fee CHECK (fee_vnd >= 0),
    ADD COLUMN settled_on date;               -- the day the provider says it pays this out

CREATE TABLE batch_credits (                  -- one net credit may pay several batches, several credits one batch
    bank text NOT NULL,
    batch text NOT NULL,
    day date NOT NULL,                        -- of the statement
    line text NOT NULL,                       -- the bank's reference of the line, else its place in the day
    amount_vnd bigint NOT NULL,               -- below zero where money left the account
    tied_at timestamptz NOT NULL,
    CONSTRAINT batch_credits_pk PRIMARY KEY (bank, batch, day, line)
);
CREATE INDEX batch_credits_line ON batch_credits (bank, day, line);

CREATE TRIGGER batch_credits_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON batch_credits
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE batch_credits ENABLE ALWAYS TRIGGER batch_credits_append_only;
GRANT SELECT, INSERT ON batch_credits TO paygw_runtime;
