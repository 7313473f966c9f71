-- Terms and maintenance of banks are data; their health is a rollup that processes write every few seconds.

CREATE TABLE bank_terms (                     -- an empty portal or collecting body stands for every one
    bank text NOT NULL CONSTRAINT bank_terms_bank_fk REFERENCES banks (id),
    portal text NOT NULL,
    body text NOT NULL,
    offered boolean NOT NULL,
    min_vnd bigint CONSTRAINT bank_terms_min CHECK (min_vnd > 0),
    max_vnd bigint CONSTRAINT bank_terms_max CHECK (max_vnd > 0),
    CONSTRAINT bank_terms_pk PRIMARY KEY (bank, portal, body),
    CONSTRAINT bank_terms_span CHECK (min_vnd <= max_vnd)
);

CREATE TABLE bank_windows (                   -- maintenance a bank announced
    bank text NOT NULL CONSTRAINT bank_windows_bank_fk REFERENCES banks (id),
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    note_vi text NOT NULL,
    note_en text NOT NULL,
    CONSTRAINT bank_windows_pk PRIMARY KEY (bank, starts_at),
    CONSTRAINT bank_windows_span CHECK (starts_at < ends_at)
);

CREATE TABLE bank_health (                    -- contacts per minute and process, and until when its circuit is open
    bank text NOT NULL,
    operation text NOT NULL,
    process text NOT NULL,
    minute timestamptz NOT NULL,
    good integer NOT NULL,
    bad integer NOT NULL,
    open_until timestamptz,
    CONSTRAINT bank_health_pk PRIMARY KEY (bank, operation, process, minute)
);

CREATE TRIGGER bank_terms_told AFTER INSERT OR UPDATE OR DELETE ON bank_terms
    FOR EACH STATEMENT EXECUTE FUNCTION tell_settings();
CREATE TRIGGER bank_windows_told AFTER INSERT OR UPDATE OR DELETE ON bank_windows
    FOR EACH STATEMENT EXECUTE FUNCTION tell_settings();
GRANT SELECT, INSERT, UPDATE, DELETE ON bank_terms, bank_windows, bank_health TO paygw_runtime;
