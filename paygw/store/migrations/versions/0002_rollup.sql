-- Readers that must not miss a late commit walk by (xid, seq) and stop below the oldest running transaction.
-- The keys of ledger and audit become that very pair, so the walk needs no index beside them.

ALTER TABLE ledger DROP CONSTRAINT ledger_pk, ADD CONSTRAINT ledger_pk PRIMARY KEY (xid, seq);
ALTER TABLE audit DROP CONSTRAINT audit_pk, ADD CONSTRAINT audit_pk PRIMARY KEY (xid, seq);

ALTER TABLE evidence
    ADD COLUMN seq bigint GENERATED ALWAYS AS IDENTITY,
    ADD COLUMN xid xid8 NOT NULL DEFAULT pg_current_xact_id();
CREATE UNIQUE INDEX evidence_cursor ON evidence (xid, seq);

ALTER TABLE ledger_rollup_mark ADD COLUMN xid xid8 NOT NULL DEFAULT '0';

-- Eight bytes per sealed row, in order: they name the row that changed; the chained head proves that one did.
ALTER TABLE seals ADD COLUMN marks bytea NOT NULL;

CREATE INDEX deliveries_dead ON deliveries (portal_id) WHERE status = 'dead';

GRANT DELETE ON heartbeats TO paygw_runtime;
