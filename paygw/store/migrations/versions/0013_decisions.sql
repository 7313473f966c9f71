-- What one person would do about money, and what another decided on exactly that content.

CREATE TABLE decisions (
    id uuid CONSTRAINT decisions_pk PRIMARY KEY,
    action text NOT NULL,
    content text NOT NULL,                    -- canonical JSON: what is asked, what it means, the document
    content_hash text NOT NULL,
    proposed_by text NOT NULL,
    proposed_via text NOT NULL,               -- the API key it came by; another one decides
    proposed_at timestamptz NOT NULL,
    status text NOT NULL DEFAULT 'open' CONSTRAINT decisions_status CHECK (status IN ('open', 'approved', 'rejected')),
    decided_by text,
    decided_at timestamptz,
    CONSTRAINT decisions_second CHECK (decided_by <> proposed_by),
    CONSTRAINT decisions_decided CHECK ((status = 'open') = (decided_by IS NULL))
);
CREATE INDEX decisions_open ON decisions (proposed_at) WHERE status = 'open';
GRANT SELECT, INSERT, UPDATE ON decisions TO paygw_runtime;
