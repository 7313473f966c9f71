-- Receipt identity of transfers: the credits of an account as kernel/identity.py knows them, what observers told of
-- them, the days whose statement was read. And the first answer to each call of a collecting bank.

CREATE TABLE account_credits (
    key text CONSTRAINT account_credits_pk PRIMARY KEY,   -- of its receipt
    account text NOT NULL,
    amount_vnd bigint NOT NULL CONSTRAINT account_credits_amount CHECK (amount_vnd > 0),
    seen_day date,                            -- as the first observer said; null if a statement booked it
    claim_day date,                           -- of the statement line that claims it
    reference text,                           -- the bank's, as first told
    body jsonb NOT NULL
);
CREATE INDEX account_credits_near ON account_credits (account, amount_vnd, seen_day);
CREATE INDEX account_credits_reference ON account_credits (account, reference) WHERE reference IS NOT NULL;
CREATE INDEX account_credits_claim ON account_credits (account, claim_day);

CREATE TABLE account_observations (           -- one message of one observer, taken in once
    observer text NOT NULL,
    id text NOT NULL,
    account text NOT NULL,
    alias text NOT NULL,                      -- the reference it gave, else its id
    reference text,
    amount_vnd bigint NOT NULL,
    day date NOT NULL,
    order_code text,
    credit_key text,                          -- null: it waits for another observer or the statement
    told_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT account_observations_pk PRIMARY KEY (observer, id)
);
CREATE INDEX account_observations_alias ON account_observations (account, observer, alias);
CREATE INDEX account_observations_waiting ON account_observations (account, day) WHERE credit_key IS NULL;

CREATE TABLE statement_days (                 -- after the statement nothing but a statement books
    account text NOT NULL,
    day date NOT NULL,
    read_at timestamptz NOT NULL,
    CONSTRAINT statement_days_pk PRIMARY KEY (account, day)
);

CREATE TABLE bill_answers (                   -- the same bank transaction with the same content gets the same answer
    bank text NOT NULL,
    operation text NOT NULL CONSTRAINT bill_answers_operation CHECK (operation IN ('payment', 'reversal')),
    bank_txn_id text NOT NULL,
    content text NOT NULL,
    result text NOT NULL,
    receipt_no text NOT NULL,
    answered_at timestamptz NOT NULL,
    CONSTRAINT bill_answers_pk PRIMARY KEY (bank, operation, bank_txn_id)
);
CREATE TRIGGER bill_answers_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON bill_answers
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE bill_answers ENABLE ALWAYS TRIGGER bill_answers_append_only;

GRANT SELECT, INSERT, UPDATE ON account_credits, account_observations TO paygw_runtime;
GRANT SELECT, INSERT ON statement_days, bill_answers TO paygw_runtime;
