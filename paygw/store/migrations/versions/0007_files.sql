-- Files of banks, providers and the treasury as they came in, and their lines: a file is staged whole or not at all.

CREATE TABLE bank_files (
    id uuid CONSTRAINT bank_files_pk PRIMARY KEY,
    bank text NOT NULL,
    profile text NOT NULL,
    name text NOT NULL,                       -- as its sender calls it: shown to people, never a path
    digest text NOT NULL CONSTRAINT bank_files_digest CHECK (digest ~ '^[0-9a-f]{64}$'),
    size_bytes integer NOT NULL CONSTRAINT bank_files_size CHECK (size_bytes BETWEEN 1 AND 20971520),
    content bytea NOT NULL,                   -- byte for byte, sealed by the vault: it names people
    source text NOT NULL,                     -- the way it came: api, cli, folder:<source>, sftp:<source>
    stamp text NOT NULL,                      -- time and size at its source, where that has them
    brought_by text NOT NULL,
    account text NOT NULL,                    -- what was said of it; '' and 0 where nothing was
    day date,
    sequence integer NOT NULL CONSTRAINT bank_files_sequence CHECK (sequence >= 0),
    state text NOT NULL DEFAULT 'received'
        CONSTRAINT bank_files_state CHECK (state IN ('received', 'staged', 'refused', 'superseded')),
    reason_code text NOT NULL DEFAULT '',
    reason_line integer,
    reason_vi text NOT NULL DEFAULT '',
    reason_en text NOT NULL DEFAULT '',
    received_at timestamptz NOT NULL,
    decided_at timestamptz,
    lease_until timestamptz,
    CONSTRAINT bank_files_once UNIQUE NULLS NOT DISTINCT (bank, digest, profile, account, day),
    CONSTRAINT bank_files_decided CHECK ((state = 'received') = (decided_at IS NULL)),
    CONSTRAINT bank_files_reason CHECK (state <> 'refused' OR reason_code <> '')
);
CREATE INDEX bank_files_waiting ON bank_files (received_at) WHERE state = 'received';
CREATE INDEX bank_files_seen ON bank_files (source, name, stamp);
CREATE INDEX bank_files_newest ON bank_files (received_at DESC, id DESC);

CREATE TABLE file_statements (                -- what one account did on one day, as one file tells it
    file_id uuid NOT NULL CONSTRAINT file_statements_file_fk REFERENCES bank_files (id),
    n integer NOT NULL,
    bank text NOT NULL,
    kind text NOT NULL CONSTRAINT file_statements_kind CHECK (kind IN ('statement', 'notification', 'settlement')),
    account text NOT NULL,
    day date NOT NULL,
    part text NOT NULL,                       -- tells statements of one account and day apart: a number, a page, an id
    number bigint NOT NULL,                   -- the bank's running number, 0 where it counts none
    sequence integer NOT NULL CONSTRAINT file_statements_sequence CHECK (sequence > 0),
    opening_vnd bigint,
    closing_vnd bigint,
    credit_vnd bigint NOT NULL,
    debit_vnd bigint NOT NULL,
    lines integer NOT NULL,
    pending integer NOT NULL,
    content_hash text NOT NULL,               -- of what it says, however it is written
    superseded_by uuid CONSTRAINT file_statements_newer_fk REFERENCES bank_files (id),
    CONSTRAINT file_statements_pk PRIMARY KEY (file_id, n)
);
CREATE UNIQUE INDEX file_statements_current ON file_statements (bank, kind, account, day, part)
    WHERE superseded_by IS NULL;
CREATE INDEX file_statements_chain ON file_statements (bank, account, day) WHERE superseded_by IS NULL;

CREATE TABLE file_lines (
    file_id uuid NOT NULL,
    statement_n integer NOT NULL,
    n integer NOT NULL,                       -- from 1 over the whole file
    line integer NOT NULL,                    -- where it stands in the file
    key text NOT NULL,                        -- the same line in a file sent again has the same key
    bank_txn_id text NOT NULL,
    ref text NOT NULL,
    kind text NOT NULL CONSTRAINT file_lines_kind CHECK (kind IN ('payment', 'refund', 'return', 'reversal', 'dispute',
        'fee', 'interest', 'debit')),
    direction text NOT NULL CONSTRAINT file_lines_direction CHECK (direction IN ('credit', 'debit')),
    amount_vnd bigint NOT NULL CONSTRAINT file_lines_amount CHECK (amount_vnd > 0),
    fee_vnd bigint CONSTRAINT file_lines_fee CHECK (fee_vnd >= 0),
    status text NOT NULL CONSTRAINT file_lines_status CHECK (status IN ('succeeded', 'failed', 'pending', 'reversed')),
    booked_at timestamptz NOT NULL,
    value_date date NOT NULL,
    settled_on date,
    balance_vnd bigint,
    virtual_account text NOT NULL,
    memo bytea,                               -- sealed: it names people; null where empty
    CONSTRAINT file_lines_pk PRIMARY KEY (file_id, n),
    CONSTRAINT file_lines_once UNIQUE (file_id, key),
    CONSTRAINT file_lines_statement_fk FOREIGN KEY (file_id, statement_n) REFERENCES file_statements (file_id, n)
);
CREATE INDEX file_lines_txn ON file_lines (bank_txn_id);

-- What a file is never changes; where it stands moves on. A refused file may be read again.
CREATE FUNCTION guard_bank_file() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    moves constant text[] := ARRAY['received>received', 'received>staged', 'received>refused', 'received>superseded',
        'staged>superseded', 'refused>received'];
BEGIN
    IF TG_OP = 'DELETE' OR OLD.state || '>' || NEW.state <> ALL (moves)
        OR (OLD.id, OLD.bank, OLD.profile, OLD.name, OLD.digest, OLD.size_bytes, OLD.content, OLD.source,
            OLD.stamp, OLD.brought_by, OLD.account, OLD.day, OLD.sequence, OLD.received_at)
        IS DISTINCT FROM (NEW.id, NEW.bank, NEW.profile, NEW.name, NEW.digest, NEW.size_bytes, NEW.content, NEW.source,
            NEW.stamp, NEW.brought_by, NEW.account, NEW.day, NEW.sequence, NEW.received_at)
    THEN
        RAISE EXCEPTION 'a file is kept as it came' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER bank_files_guard BEFORE UPDATE OR DELETE ON bank_files FOR EACH ROW EXECUTE FUNCTION guard_bank_file();
CREATE TRIGGER bank_files_kept BEFORE TRUNCATE ON bank_files FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE FUNCTION guard_file_statement() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.superseded_by IS NOT NULL OR NEW.superseded_by IS NULL
        OR to_jsonb(OLD) - 'superseded_by' IS DISTINCT FROM to_jsonb(NEW) - 'superseded_by'
    THEN
        RAISE EXCEPTION 'a statement is kept as it came' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER file_statements_guard BEFORE UPDATE OR DELETE ON file_statements
    FOR EACH ROW EXECUTE FUNCTION guard_file_statement();
CREATE TRIGGER file_statements_kept BEFORE TRUNCATE ON file_statements
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER file_lines_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON file_lines
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

ALTER TABLE bank_files ENABLE ALWAYS TRIGGER bank_files_guard;
ALTER TABLE bank_files ENABLE ALWAYS TRIGGER bank_files_kept;
ALTER TABLE file_statements ENABLE ALWAYS TRIGGER file_statements_guard;
ALTER TABLE file_statements ENABLE ALWAYS TRIGGER file_statements_kept;
ALTER TABLE file_lines ENABLE ALWAYS TRIGGER file_lines_append_only;
GRANT SELECT, INSERT, UPDATE ON bank_files, file_statements TO paygw_runtime;
GRANT SELECT, INSERT ON file_lines TO paygw_runtime;
