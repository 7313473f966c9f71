-- What those who watch ask for all the time and that costs too much to compute at each question.

CREATE TABLE measures (                       -- the last word of a slow question: a proof, a sum over many rows
    name text NOT NULL CONSTRAINT measures_name
        CHECK (name IN ('audit_verify_ok', 'clearing_difference_vnd', 'remittance_vnd')),
    label text NOT NULL,                      -- a bank, a state; '' where there is one value
    value bigint NOT NULL,
    at timestamptz NOT NULL,
    CONSTRAINT measures_pk PRIMARY KEY (name, label)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON measures TO paygw_runtime;

CREATE TABLE ledger_rules (                   -- what each row of the money rules moved at each bank, up to the rollup's mark
    bank text NOT NULL,                       -- '' where no bank is named
    rule text NOT NULL,
    moved_vnd numeric NOT NULL,
    CONSTRAINT ledger_rules_pk PRIMARY KEY (bank, rule)
);
INSERT INTO ledger_rules (bank, rule, moved_vnd)
SELECT l.bank, l.rule, sum(l.amount_vnd) FROM ledger l, ledger_rollup_mark m
 WHERE l.amount_vnd > 0 AND (l.xid, l.seq) <= (m.xid, m.seq) GROUP BY l.bank, l.rule;
GRANT SELECT, INSERT, UPDATE ON ledger_rules TO paygw_runtime;
