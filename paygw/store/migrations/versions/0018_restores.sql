-- Every time this database was brought back from a backup. While the last one is not released nothing leaves for
-- portals or banks on its own: what was sent between the backup and the loss is not known here.

CREATE TABLE restores (
    era bigint NOT NULL,                      -- seconds since 1970 at which it was brought back
    made_at timestamptz NOT NULL,             -- what the backup shows
    restored_by text NOT NULL,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),   -- nobody has seen a transaction after this one
    released_at timestamptz,
    released_by text,
    CONSTRAINT restores_pk PRIMARY KEY (era),
    CONSTRAINT restores_released CHECK ((released_at IS NULL) = (released_by IS NULL))
);
GRANT SELECT, UPDATE (released_at, released_by) ON restores TO paygw_runtime;
