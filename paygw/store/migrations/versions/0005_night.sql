-- The night: a run per bank and day with its steps, the files as read, breaks with their life, minutes, payouts.

CREATE TABLE nights (                         -- one reconciliation of a bank's day; again is the same row, run once more
    id uuid CONSTRAINT nights_pk PRIMARY KEY,
    bank text NOT NULL,
    day date NOT NULL,
    status text NOT NULL CONSTRAINT nights_status CHECK (status IN ('running', 'waiting', 'done')),
    tries integer NOT NULL DEFAULT 1,
    started_at timestamptz NOT NULL,
    touched_at timestamptz NOT NULL,
    ended_at timestamptz,
    snapshot pg_snapshot,                     -- what was committed when its last run had ended: the day as known then
    CONSTRAINT nights_day UNIQUE (bank, day),
    CONSTRAINT nights_ended CHECK ((status = 'done') = (ended_at IS NOT NULL))
);

CREATE TABLE night_steps (                    -- the journal: how often each step was done and what it came to
    night_id uuid NOT NULL CONSTRAINT night_steps_night_fk REFERENCES nights (id),
    try integer NOT NULL,
    step text NOT NULL,
    at timestamptz NOT NULL,
    result jsonb NOT NULL,
    CONSTRAINT night_steps_pk PRIMARY KEY (night_id, try, step)
);

CREATE TABLE night_files (                    -- files byte for byte; one sent again with other content is a further row
    bank text NOT NULL,
    day date NOT NULL,
    kind text NOT NULL CONSTRAINT night_files_kind CHECK (kind IN ('settlement', 'statement')),
    digest bytea NOT NULL,
    seq bigint GENERATED ALWAYS AS IDENTITY,
    content bytea NOT NULL,
    lines integer NOT NULL,
    total_vnd bigint NOT NULL,
    fetched_at timestamptz NOT NULL,
    CONSTRAINT night_files_pk PRIMARY KEY (bank, day, kind, digest)
);

CREATE TABLE night_lines (                    -- the lines of those files
    bank text NOT NULL,
    day date NOT NULL,
    kind text NOT NULL,
    digest bytea NOT NULL,
    no integer NOT NULL,
    ref text NOT NULL,
    bank_txn_id text NOT NULL,
    movement text NOT NULL CONSTRAINT night_lines_movement CHECK (movement IN ('payment', 'refund', 'reversal')),
    amount_vnd bigint NOT NULL CONSTRAINT night_lines_amount CHECK (amount_vnd >= 0),
    fee_vnd bigint NOT NULL,
    status text NOT NULL,
    direction text NOT NULL CONSTRAINT night_lines_direction CHECK (direction IN ('credit', 'debit')),
    account text NOT NULL,
    occurred_at timestamptz NOT NULL,
    settled_on date,
    memo text NOT NULL,
    CONSTRAINT night_lines_pk PRIMARY KEY (bank, day, kind, digest, no),
    CONSTRAINT night_lines_file_fk FOREIGN KEY (bank, day, kind, digest) REFERENCES night_files (bank, day, kind, digest)
);
CREATE INDEX night_lines_txn ON night_lines (bank_txn_id);
CREATE INDEX night_lines_ref ON night_lines (ref);

CREATE TABLE breaks (                         -- a difference; one per key for ever
    id uuid CONSTRAINT breaks_pk PRIMARY KEY,
    key text NOT NULL CONSTRAINT breaks_key UNIQUE,
    kind text NOT NULL,
    bank text NOT NULL,
    day date NOT NULL,
    ref text NOT NULL,
    bank_txn_id text NOT NULL,
    book_amount_vnd bigint,
    statement_amount_vnd bigint,
    risk_vnd bigint NOT NULL CONSTRAINT breaks_risk CHECK (risk_vnd >= 0),
    detail text NOT NULL,
    receipt_id uuid,
    order_id uuid,
    owner text NOT NULL DEFAULT 'finance',
    status text NOT NULL DEFAULT 'open' CONSTRAINT breaks_status CHECK (status IN ('open', 'proposed', 'resolved')),
    opened_at timestamptz NOT NULL,
    due_on date NOT NULL,                     -- the day its clock of working days ends
    resolved_at timestamptz,
    resolution text NOT NULL DEFAULT '',
    automatic boolean NOT NULL DEFAULT false,
    CONSTRAINT breaks_resolved CHECK ((status = 'resolved') = (resolved_at IS NOT NULL))
);
CREATE INDEX breaks_open ON breaks (kind, opened_at) WHERE status <> 'resolved';
CREATE INDEX breaks_day ON breaks (bank, day);

CREATE TABLE break_notes (                    -- its history: who did and said what; append-only
    seq bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT break_notes_pk PRIMARY KEY,
    break_id uuid NOT NULL CONSTRAINT break_notes_break_fk REFERENCES breaks (id),
    at timestamptz NOT NULL,
    person text NOT NULL,
    action text NOT NULL CONSTRAINT break_notes_action CHECK (action IN ('opened', 'assigned', 'commented', 'proposed',
        'approved', 'rejected', 'resolved', 'reopened')),
    text text NOT NULL
);
CREATE INDEX break_notes_break ON break_notes (break_id, seq);

CREATE TABLE break_proposals (                -- what one person would do about a break; another decides on that content
    id uuid CONSTRAINT break_proposals_pk PRIMARY KEY,
    break_id uuid NOT NULL CONSTRAINT break_proposals_break_fk REFERENCES breaks (id),
    content text NOT NULL,                    -- canonical JSON
    content_hash text NOT NULL,
    proposed_by text NOT NULL,
    proposed_via text NOT NULL,               -- the API key it came by; another one decides
    proposed_at timestamptz NOT NULL,
    status text NOT NULL DEFAULT 'open' CONSTRAINT break_proposals_status CHECK (status IN ('open', 'approved', 'rejected')),
    decided_by text,
    decided_at timestamptz,
    CONSTRAINT break_proposals_second CHECK (decided_by <> proposed_by),
    CONSTRAINT break_proposals_decided CHECK ((status = 'open') = (decided_by IS NULL))
);
CREATE UNIQUE INDEX break_proposals_one ON break_proposals (break_id) WHERE status = 'open';

CREATE TABLE minutes (                        -- what a night came to, as content; another content is a further number
    id uuid CONSTRAINT minutes_pk PRIMARY KEY,
    bank text NOT NULL,
    day date NOT NULL,
    no integer NOT NULL,
    content text NOT NULL,                    -- canonical JSON
    content_hash text NOT NULL,
    made_at timestamptz NOT NULL,
    CONSTRAINT minutes_content UNIQUE (bank, day, content_hash),
    CONSTRAINT minutes_no UNIQUE (bank, day, no)
);

CREATE TABLE minutes_signatures (
    minutes_id uuid NOT NULL CONSTRAINT minutes_signatures_fk REFERENCES minutes (id),
    role text NOT NULL CONSTRAINT minutes_signatures_role CHECK (role IN ('signed', 'approved')),
    person text NOT NULL,
    at timestamptz NOT NULL,
    content_hash text NOT NULL,
    CONSTRAINT minutes_signatures_pk PRIMARY KEY (minutes_id, role),
    CONSTRAINT minutes_signatures_two UNIQUE (minutes_id, person)
);

CREATE TABLE payees (                         -- where a beneficiary's money goes, and when the law wants it there
    beneficiary text CONSTRAINT payees_pk PRIMARY KEY,
    name text NOT NULL,
    account text NOT NULL,
    bank_code text NOT NULL,                  -- the member id of the bank or of the treasury unit in payment orders
    treasury_unit text NOT NULL,              -- KBNN, four digits; '' for an agency's account at a bank
    collecting_office text NOT NULL,          -- cơ quan thu on C1-02/NS; '' where none
    remit_every text NOT NULL CONSTRAINT payees_every CHECK (remit_every IN ('day', 'week', 'month')),
    remit_by integer NOT NULL,                -- day: working days after; week: 1 Monday .. 5; month: day of the next one
    basis text NOT NULL,                      -- the text of law
    set_by text NOT NULL,
    checked_by text NOT NULL,
    set_at timestamptz NOT NULL,
    CONSTRAINT payees_two CHECK (set_by <> checked_by)
);

CREATE TABLE payouts (                        -- a proposed disbursement batch; its instructions are in disbursements
    batch_id uuid CONSTRAINT payouts_pk PRIMARY KEY,
    account text NOT NULL,
    content text NOT NULL,                    -- canonical JSON: payees and slices
    content_hash text NOT NULL,
    total_vnd bigint NOT NULL CONSTRAINT payouts_total CHECK (total_vnd > 0),
    status text NOT NULL CONSTRAINT payouts_status CHECK (status IN ('proposed', 'approved', 'rejected', 'exported')),
    proposed_by text NOT NULL,
    proposed_via text NOT NULL,
    proposed_at timestamptz NOT NULL,
    decided_by text,
    decided_at timestamptz,
    exported_at timestamptz,
    export_digest text NOT NULL DEFAULT '',
    CONSTRAINT payouts_second CHECK (decided_by <> proposed_by),
    CONSTRAINT payouts_decided CHECK ((status = 'proposed') = (decided_by IS NULL))
);

DO $$
DECLARE kept text;
BEGIN
    FOREACH kept IN ARRAY ARRAY['night_steps', 'night_files', 'night_lines', 'break_notes', 'minutes', 'minutes_signatures']
    LOOP
        EXECUTE format('CREATE TRIGGER %I BEFORE UPDATE OR DELETE OR TRUNCATE ON %I FOR EACH STATEMENT '
            'EXECUTE FUNCTION refuse_change()', kept || '_append_only', kept);
        EXECUTE format('ALTER TABLE %I ENABLE ALWAYS TRIGGER %I', kept, kept || '_append_only');
        EXECUTE format('GRANT SELECT, INSERT ON %I TO paygw_runtime', kept);
    END LOOP;
END $$;
GRANT SELECT, INSERT, UPDATE ON nights, breaks, break_proposals, payees, payouts TO paygw_runtime;
CREATE INDEX ledger_batch ON ledger (batch_id) WHERE batch_id IS NOT NULL;
