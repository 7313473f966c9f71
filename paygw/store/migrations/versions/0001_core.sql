-- The core: who is who, obligations, orders, attempts, evidence, receipts, ledger, events.
-- Uniqueness tables (idempotency, references, receipts, aliases, obligations) are never partitioned by time.
-- Every constraint has a name: the code decides by it which promise a conflicting write met.

CREATE TABLE portals (
    id text CONSTRAINT portals_pk PRIMARY KEY,
    name text NOT NULL,
    callback_url text NOT NULL,
    return_origins text[] NOT NULL,
    callback_secret bytea NOT NULL,           -- sealed by the vault
    callback_secret_previous bytea,           -- sealed; also signs during a rotation
    rate_post integer NOT NULL CONSTRAINT portals_rate_post CHECK (rate_post > 0),
    rate_get integer NOT NULL CONSTRAINT portals_rate_get CHECK (rate_get > 0),
    rate_burst integer NOT NULL CONSTRAINT portals_rate_burst CHECK (rate_burst > 0),
    callback_state text NOT NULL DEFAULT 'active'
        CONSTRAINT portals_callback_state CHECK (callback_state IN ('active', 'paused', 'gone')),
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE api_keys (
    prefix text CONSTRAINT api_keys_pk PRIMARY KEY,
    digest bytea NOT NULL,
    portal_id text CONSTRAINT api_keys_portal_fk REFERENCES portals (id),
    scopes text[] NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    revoked_at timestamptz
);
CREATE INDEX api_keys_portal ON api_keys (portal_id);

CREATE TABLE persons (
    id text CONSTRAINT persons_pk PRIMARY KEY,
    name text NOT NULL,
    role text NOT NULL CONSTRAINT persons_role
        CHECK (role IN ('clerk', 'approver', 'auditor', 'admin', 'operator')),
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE banks (
    id text CONSTRAINT banks_pk PRIMARY KEY CONSTRAINT banks_id_shape CHECK (id ~ '^[a-z0-9][a-z0-9-]{0,39}$' AND id <> 'bank'),
    connector text NOT NULL,
    title text NOT NULL DEFAULT '',
    base_url text NOT NULL,
    merchant text NOT NULL,
    credentials bytea NOT NULL,               -- sealed JSON object
    credentials_previous bytea,               -- sealed; still verifies during a rotation
    options jsonb NOT NULL DEFAULT '{}',
    home text NOT NULL DEFAULT 'provider' CONSTRAINT banks_home CHECK (home IN ('provider', 'account')),
    account text NOT NULL DEFAULT '',
    holder text,
    enabled boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE collecting_bodies (
    id text CONSTRAINT collecting_bodies_pk PRIMARY KEY,
    name text NOT NULL,
    chapter text NOT NULL,                    -- chương
    area text NOT NULL,                       -- mã ĐBHC
    budget_unit text NOT NULL,                -- mã QHNS
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE proposals (                      -- live mode: what one person proposed and another must approve
    id uuid CONSTRAINT proposals_pk PRIMARY KEY,
    kind text NOT NULL,
    content jsonb NOT NULL,
    content_hash bytea NOT NULL,
    proposed_by text NOT NULL,
    proposed_at timestamptz NOT NULL DEFAULT now(),
    decided_by text CONSTRAINT proposals_two_persons CHECK (decided_by <> proposed_by),
    decided_at timestamptz,
    status text NOT NULL DEFAULT 'open' CONSTRAINT proposals_status CHECK (status IN ('open', 'approved', 'rejected'))
);

CREATE TABLE idempotency (
    principal text NOT NULL,
    route text NOT NULL,
    key text NOT NULL,
    fingerprint bytea NOT NULL,
    status smallint NOT NULL,
    answer bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT idempotency_pk PRIMARY KEY (principal, route, key)
);
CREATE INDEX idempotency_age ON idempotency USING brin (created_at);

CREATE TABLE obligations (
    id uuid CONSTRAINT obligations_pk PRIMARY KEY,
    collecting_body text NOT NULL,
    dossier_code text NOT NULL,
    assessment_no text NOT NULL,
    component_set text NOT NULL,
    order_id uuid,                            -- the order whose allocation is live
    attempt_id uuid,                          -- the attempt in flight that would pay it
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT obligations_identity UNIQUE (dossier_code, collecting_body, assessment_no, component_set)
) WITH (fillfactor = 80);

CREATE TABLE orders (
    id uuid CONSTRAINT orders_pk PRIMARY KEY,
    portal_id text NOT NULL,
    reference text NOT NULL,
    status text NOT NULL CONSTRAINT orders_status
        CHECK (status IN ('open', 'partially_paid', 'paid', 'cancelled', 'expired')),
    amount_vnd bigint NOT NULL CONSTRAINT orders_amount CHECK (amount_vnd > 0),
    version integer NOT NULL,
    receipt_count integer NOT NULL DEFAULT 0,
    expires_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    applied_at timestamptz,
    lines jsonb NOT NULL,                     -- the kernel's lines: obligation, component, amount, split
    face jsonb NOT NULL,                      -- the part of the public view that never changes
    quote jsonb NOT NULL,                     -- fee version, facts and explanation as frozen at creation
    private bytea NOT NULL,                   -- sealed: who pays, and the facts the fee was computed from
    return_url text NOT NULL,
    CONSTRAINT orders_reference UNIQUE (portal_id, reference)
) WITH (fillfactor = 85);
CREATE INDEX orders_status_created ON orders (status, created_at DESC, id DESC);
CREATE INDEX orders_expiry ON orders (expires_at) WHERE status IN ('open', 'partially_paid');

CREATE TABLE order_lines (
    order_id uuid NOT NULL,
    obligation_id uuid NOT NULL,
    CONSTRAINT order_lines_pk PRIMARY KEY (order_id, obligation_id)
);
CREATE INDEX order_lines_obligation ON order_lines (obligation_id);

CREATE TABLE attempts (
    id uuid CONSTRAINT attempts_pk PRIMARY KEY,
    order_id uuid NOT NULL CONSTRAINT attempts_order_fk REFERENCES orders (id),
    bank text NOT NULL,
    merchant text NOT NULL,
    ref text NOT NULL,
    method text NOT NULL,
    amount_vnd bigint NOT NULL CONSTRAINT attempts_amount CHECK (amount_vnd > 0),
    status text NOT NULL CONSTRAINT attempts_status
        CHECK (status IN ('created', 'redirected', 'pending', 'expired', 'cancelled', 'failed', 'succeeded')),
    last_contact_failed boolean NOT NULL DEFAULT false,
    held_reversals integer NOT NULL DEFAULT 0,
    session jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    enquiries integer NOT NULL DEFAULT 0,
    next_enquiry_at timestamptz,
    lease_until timestamptz,
    fence integer NOT NULL DEFAULT 0,
    CONSTRAINT attempts_reference UNIQUE (bank, merchant, ref)
) WITH (fillfactor = 80);
CREATE INDEX attempts_order ON attempts (order_id);
CREATE INDEX attempts_enquiry ON attempts (next_enquiry_at) WHERE next_enquiry_at IS NOT NULL;

CREATE TABLE messages (                       -- verified webhooks, byte for byte
    bank text NOT NULL,
    digest bytea NOT NULL,
    verdict text NOT NULL,
    body bytea NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT messages_pk PRIMARY KEY (bank, digest, verdict)
);

CREATE TABLE refused_messages (               -- bounded, rate-capped log of what failed verification
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT refused_messages_pk PRIMARY KEY,
    bank text NOT NULL,
    digest bytea NOT NULL,
    reason text NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE evidence (
    bank text NOT NULL,
    key text NOT NULL,
    kind text NOT NULL,
    authority smallint NOT NULL,
    attempt_id uuid,
    body jsonb NOT NULL,
    digest bytea,                             -- of the message it was read from
    received_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT evidence_pk PRIMARY KEY (bank, key)
);
CREATE INDEX evidence_attempt ON evidence (attempt_id) WHERE attempt_id IS NOT NULL;

CREATE TABLE receipts (
    id uuid CONSTRAINT receipts_pk PRIMARY KEY,
    key text NOT NULL CONSTRAINT receipts_identity UNIQUE,
    bank text NOT NULL,
    merchant text NOT NULL,
    bank_txn_id text,
    home text NOT NULL CONSTRAINT receipts_home CHECK (home IN ('provider', 'account')),
    account text NOT NULL,
    order_id uuid,
    attempt_id uuid,
    amount_vnd bigint NOT NULL CONSTRAINT receipts_amount CHECK (amount_vnd > 0),
    free_vnd bigint NOT NULL CONSTRAINT receipts_free CHECK (free_vnd >= 0),
    refund_due_vnd bigint NOT NULL CONSTRAINT receipts_refund_due CHECK (refund_due_vnd >= 0),
    taken_back_vnd bigint NOT NULL CONSTRAINT receipts_taken_back CHECK (taken_back_vnd BETWEEN 0 AND amount_vnd),
    taken_back_by text NOT NULL,              -- id of the reversal, dispute or correction
    claim_vnd bigint NOT NULL CONSTRAINT receipts_claim CHECK (claim_vnd >= 0),
    dispute_vnd bigint NOT NULL CONSTRAINT receipts_dispute CHECK (dispute_vnd >= 0),
    settled boolean NOT NULL,
    holder text,
    blocked text NOT NULL,
    reason text NOT NULL,
    conflict boolean NOT NULL,
    received_at timestamptz NOT NULL,         -- when the cash landed, by the bank's word
    value_date date NOT NULL,
    recoveries jsonb NOT NULL,
    booked_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 80);
CREATE INDEX receipts_order ON receipts (order_id) WHERE order_id IS NOT NULL;
CREATE INDEX receipts_unapplied ON receipts (booked_at, id) WHERE free_vnd > 0 OR refund_due_vnd > 0;
CREATE INDEX receipts_bank_txn ON receipts (bank, bank_txn_id);

CREATE TABLE receipt_aliases (
    observer text NOT NULL,
    alias text NOT NULL,
    receipt_id uuid NOT NULL,                 -- written with its receipt, in one statement
    CONSTRAINT receipt_aliases_pk PRIMARY KEY (observer, alias)
);

CREATE TABLE slices (
    receipt_id uuid NOT NULL,
    order_id uuid NOT NULL,
    line_no integer NOT NULL,
    beneficiary text NOT NULL,
    code text NOT NULL,
    live_vnd bigint NOT NULL,
    disbursed_vnd bigint NOT NULL,
    CONSTRAINT slices_pk PRIMARY KEY (receipt_id, order_id, line_no, beneficiary, code),
    CONSTRAINT slices_disbursed CHECK (disbursed_vnd >= 0 AND disbursed_vnd <= live_vnd)
) WITH (fillfactor = 80);
CREATE INDEX slices_undisbursed ON slices (beneficiary, code) WHERE live_vnd > disbursed_vnd;

CREATE TABLE refunds (
    id uuid CONSTRAINT refunds_pk PRIMARY KEY,
    receipt_id uuid NOT NULL CONSTRAINT refunds_receipt_fk REFERENCES receipts (id),
    order_id uuid,
    portal_id text,
    source text NOT NULL CONSTRAINT refunds_source CHECK (source IN ('excess', 'component')),
    line_no integer,
    amount_vnd bigint NOT NULL CONSTRAINT refunds_amount CHECK (amount_vnd > 0),
    due_vnd bigint NOT NULL DEFAULT 0,
    status text NOT NULL CONSTRAINT refunds_status CHECK (status IN
        ('requested', 'approved', 'rejected', 'withdrawn', 'funded', 'sending', 'succeeded', 'failed', 'returned')),
    legs jsonb NOT NULL DEFAULT '[]',
    body_paid_vnd bigint NOT NULL DEFAULT 0,
    consented boolean NOT NULL DEFAULT false,
    route text CONSTRAINT refunds_route CHECK (route IN ('provider', 'transfer', 'holder')),
    void boolean NOT NULL DEFAULT false,
    unknown boolean NOT NULL DEFAULT false,
    seen jsonb NOT NULL DEFAULT '[]',
    reason text NOT NULL,
    requested_by text NOT NULL,
    decided_by text CONSTRAINT refunds_two_persons CHECK (decided_by <> requested_by),
    content_hash bytea NOT NULL,
    ref text NOT NULL CONSTRAINT refunds_reference UNIQUE,
    created_at timestamptz NOT NULL DEFAULT now(),
    decided_at timestamptz,
    enquiries integer NOT NULL DEFAULT 0,
    next_enquiry_at timestamptz,
    lease_until timestamptz,
    fence integer NOT NULL DEFAULT 0
) WITH (fillfactor = 80);
CREATE INDEX refunds_receipt ON refunds (receipt_id);
CREATE INDEX refunds_order ON refunds (order_id) WHERE order_id IS NOT NULL;
CREATE INDEX refunds_work ON refunds (next_enquiry_at) WHERE status IN ('funded', 'sending');

CREATE TABLE reversals (
    bank text NOT NULL,
    reversal_id text NOT NULL,
    receipt_key text NOT NULL,
    attempt_ref text,
    bank_txn_id text,
    amount_vnd bigint NOT NULL,
    occurred_at timestamptz NOT NULL,
    CONSTRAINT reversals_pk PRIMARY KEY (bank, reversal_id)
);
CREATE INDEX reversals_receipt ON reversals (receipt_key);

CREATE TABLE disputes (
    bank text NOT NULL,
    dispute_id text NOT NULL,
    receipt_id uuid NOT NULL CONSTRAINT disputes_receipt_fk REFERENCES receipts (id),
    status text NOT NULL CONSTRAINT disputes_status CHECK (status IN ('opened', 'won', 'lost')),
    amount_vnd bigint NOT NULL,
    CONSTRAINT disputes_pk PRIMARY KEY (bank, dispute_id)
);

CREATE TABLE disbursements (                  -- one instruction: a slice in a batch
    batch_id uuid NOT NULL,
    no integer NOT NULL,
    account text NOT NULL,
    receipt_id uuid NOT NULL,
    order_id uuid NOT NULL,
    line_no integer NOT NULL,
    beneficiary text NOT NULL,
    code text NOT NULL,
    amount_vnd bigint NOT NULL CONSTRAINT disbursements_amount CHECK (amount_vnd > 0),
    status text NOT NULL CONSTRAINT disbursements_status CHECK (status IN ('sent', 'confirmed', 'returned')),
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT disbursements_pk PRIMARY KEY (batch_id, no)
);

CREATE TABLE ledger (
    seq bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT ledger_pk PRIMARY KEY,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    key text NOT NULL,
    n smallint NOT NULL,
    rule text NOT NULL,                       -- the row of the money rules
    account text NOT NULL,
    amount_vnd bigint NOT NULL CONSTRAINT ledger_amount CHECK (amount_vnd <> 0),   -- debit > 0 > credit
    receipt_id uuid,
    refund_id uuid,
    batch_id text,
    order_id uuid,
    line_no integer,
    beneficiary text,
    code text,                                -- chương.tiểu mục.ĐBHC.QHNS
    holder text,
    bank text NOT NULL,
    merchant text NOT NULL,
    value_date date NOT NULL,
    budget_year smallint NOT NULL GENERATED ALWAYS AS (extract(year FROM value_date)) STORED,
    booked_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT ledger_key UNIQUE (key, n)
);
CREATE INDEX ledger_receipt ON ledger (receipt_id) WHERE receipt_id IS NOT NULL;

CREATE TABLE ledger_rollup (                  -- sums of all entries up to a sequence; totals = rollup + tail
    account text CONSTRAINT ledger_rollup_pk PRIMARY KEY,
    debit_vnd numeric NOT NULL,
    credit_vnd numeric NOT NULL
);
CREATE TABLE ledger_rollup_mark (
    one boolean CONSTRAINT ledger_rollup_mark_pk PRIMARY KEY DEFAULT true CONSTRAINT ledger_rollup_mark_one CHECK (one),
    seq bigint NOT NULL
);
INSERT INTO ledger_rollup_mark (seq) VALUES (0);

CREATE TABLE events (
    id uuid CONSTRAINT events_pk PRIMARY KEY,
    seq bigint GENERATED ALWAYS AS IDENTITY,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    key text NOT NULL CONSTRAINT events_fact UNIQUE,
    portal_id text NOT NULL,
    order_id uuid NOT NULL,
    type text NOT NULL,
    body bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX events_cursor ON events (portal_id, xid, seq);
CREATE INDEX events_order ON events (order_id);

CREATE TABLE deliveries (                     -- the outbox
    event_id uuid CONSTRAINT deliveries_pk PRIMARY KEY,   -- written with its event, in one statement
    portal_id text NOT NULL,
    status text NOT NULL DEFAULT 'pending'
        CONSTRAINT deliveries_status CHECK (status IN ('pending', 'delivered', 'dead')),
    attempts integer NOT NULL DEFAULT 0,
    first_at timestamptz,
    next_at timestamptz NOT NULL DEFAULT now(),
    lease_until timestamptz,
    fence integer NOT NULL DEFAULT 0,
    delivered_at timestamptz
) WITH (fillfactor = 70);
CREATE INDEX deliveries_due ON deliveries (portal_id, next_at) WHERE status = 'pending';

CREATE TABLE delivery_log (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT delivery_log_pk PRIMARY KEY,
    event_id uuid NOT NULL,
    attempt integer NOT NULL,
    outcome text NOT NULL,
    http_status smallint,
    ms integer NOT NULL,
    at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX delivery_log_event ON delivery_log (event_id);

CREATE TABLE cases (
    key text CONSTRAINT cases_pk PRIMARY KEY,
    kind text NOT NULL,
    detail text NOT NULL,
    receipt_id uuid,
    attempt_id uuid,
    order_id uuid,
    owner text NOT NULL DEFAULT 'finance',
    status text NOT NULL DEFAULT 'open' CONSTRAINT cases_status CHECK (status IN ('open', 'closed')),
    opened_at timestamptz NOT NULL DEFAULT now(),
    closed_at timestamptz
);
CREATE INDEX cases_open ON cases (kind, opened_at) WHERE status = 'open';

CREATE TABLE audit (
    seq bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT audit_pk PRIMARY KEY,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    at timestamptz NOT NULL DEFAULT now(),
    principal text NOT NULL,
    action text NOT NULL,
    subject text NOT NULL,
    detail jsonb NOT NULL DEFAULT '{}'
);

CREATE TABLE seals (                          -- chain over committed rows of ledger, evidence and audit
    chain text NOT NULL,
    no bigint NOT NULL,
    upto_xid xid8 NOT NULL,
    upto_seq bigint NOT NULL,
    rows bigint NOT NULL,
    head bytea NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT seals_pk PRIMARY KEY (chain, no)
);

CREATE TABLE heartbeats (
    worker text CONSTRAINT heartbeats_pk PRIMARY KEY,
    at timestamptz NOT NULL
);

CREATE TABLE probes (                         -- written by readiness checks, proves that the database takes writes
    one boolean CONSTRAINT probes_pk PRIMARY KEY DEFAULT true CONSTRAINT probes_one CHECK (one),
    at timestamptz NOT NULL
);

-- Append-only: by trigger (fires even under session_replication_role = replica) and by grants.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;

CREATE FUNCTION refuse_unbalanced() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM added GROUP BY key HAVING sum(amount_vnd) <> 0 OR min(n) <> 0) THEN
        RAISE EXCEPTION 'a ledger posting is off balance' USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_balanced';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER ledger_balanced AFTER INSERT ON ledger REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_unbalanced();
ALTER TABLE ledger ENABLE ALWAYS TRIGGER ledger_balanced;

DO $$
DECLARE kept text;
BEGIN
    FOREACH kept IN ARRAY ARRAY['ledger', 'evidence', 'messages', 'events', 'audit', 'seals', 'reversals', 'delivery_log']
    LOOP
        EXECUTE format('CREATE TRIGGER %I BEFORE UPDATE OR DELETE OR TRUNCATE ON %I FOR EACH STATEMENT '
            'EXECUTE FUNCTION refuse_change()', kept || '_append_only', kept);
        EXECUTE format('ALTER TABLE %I ENABLE ALWAYS TRIGGER %I', kept, kept || '_append_only');
    END LOOP;
END $$;

-- A publish or a new key reaches every process within seconds.
CREATE FUNCTION tell_settings() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('paygw_settings', TG_TABLE_NAME);
    RETURN NULL;
END $$;
DO $$
DECLARE watched text;
BEGIN
    FOREACH watched IN ARRAY ARRAY['portals', 'api_keys', 'banks', 'collecting_bodies']
    LOOP
        EXECUTE format('CREATE TRIGGER %I AFTER INSERT OR UPDATE OR DELETE ON %I FOR EACH STATEMENT '
            'EXECUTE FUNCTION tell_settings()', watched || '_told', watched);
    END LOOP;
END $$;

-- The runtime role: rows of what is kept for ever are inserted and read, never changed.
DO $$
DECLARE
    kept constant text[] := ARRAY['ledger', 'evidence', 'messages', 'events', 'audit', 'seals', 'reversals', 'delivery_log'];
    named text;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'paygw_runtime') THEN
        RAISE EXCEPTION 'role paygw_runtime is missing: create the owner and runtime roles before migrating';
    END IF;
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO paygw_runtime', current_schema());
    FOR named IN SELECT tablename FROM pg_tables WHERE schemaname = current_schema()
    LOOP
        IF named = ANY (kept) THEN
            EXECUTE format('GRANT SELECT, INSERT ON %I TO paygw_runtime', named);
        ELSIF named <> 'alembic_version' THEN
            EXECUTE format('GRANT SELECT, INSERT, UPDATE ON %I TO paygw_runtime', named);
        ELSE
            EXECUTE format('GRANT SELECT ON %I TO paygw_runtime', named);
        END IF;
    END LOOP;
END $$;
GRANT DELETE ON idempotency, refused_messages, ledger_rollup TO paygw_runtime;
GRANT SELECT ON alembic_version TO paygw_runtime;
