-- Every end of a night keeps its own snapshot: run again, a night is still known as it was before.

CREATE TABLE night_ends (
    night_id uuid NOT NULL CONSTRAINT night_ends_night_fk REFERENCES nights (id),
    try integer NOT NULL,
    ended_at timestamptz NOT NULL,
    snapshot pg_snapshot NOT NULL,            -- what was committed then
    CONSTRAINT night_ends_pk PRIMARY KEY (night_id, try)
);
INSERT INTO night_ends (night_id, try, ended_at, snapshot)
    SELECT id, tries, ended_at, snapshot FROM nights WHERE snapshot IS NOT NULL AND ended_at IS NOT NULL;

CREATE TRIGGER night_ends_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON night_ends
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE night_ends ENABLE ALWAYS TRIGGER night_ends_append_only;
GRANT SELECT, INSERT ON night_ends TO paygw_runtime;
