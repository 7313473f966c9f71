-- A file enters one way (bank_files): a night notes which statements it read. Its own copies, memos in clear, are gone.

DROP TABLE night_lines;
DROP TABLE night_files;

CREATE TABLE night_readings (                 -- the statements of a kind a night read; another set is a further reading
    bank text NOT NULL,
    day date NOT NULL,
    kind text NOT NULL CONSTRAINT night_readings_kind CHECK (kind IN ('settlement', 'statement')),
    reading integer NOT NULL CONSTRAINT night_readings_reading CHECK (reading > 0),
    file_id uuid NOT NULL,
    statement_n integer NOT NULL,
    read_at timestamptz NOT NULL,
    CONSTRAINT night_readings_pk PRIMARY KEY (bank, day, kind, reading, file_id, statement_n),
    CONSTRAINT night_readings_statement_fk FOREIGN KEY (file_id, statement_n) REFERENCES file_statements (file_id, n)
);
CREATE INDEX night_readings_statement ON night_readings (file_id, statement_n);
CREATE INDEX file_lines_ref ON file_lines (ref) WHERE ref <> '';

CREATE VIEW night_files AS                    -- the statements that count for a night: those of its newest reading
SELECT r.bank, r.day, r.kind, r.reading, r.file_id, r.statement_n, s.account, s.lines,
    s.credit_vnd + s.debit_vnd AS total_vnd, f.digest
FROM night_readings r
JOIN file_statements s ON (s.file_id, s.n) = (r.file_id, r.statement_n)
JOIN bank_files f ON f.id = r.file_id
WHERE r.reading = (SELECT max(n.reading) FROM night_readings n WHERE (n.bank, n.day, n.kind) = (r.bank, r.day, r.kind));

CREATE VIEW night_lines AS                    -- their lines in the words of the night: a refund that came back is reversed
SELECT f.bank, f.day, f.kind, f.file_id, l.n AS no, l.ref, l.bank_txn_id,
    CASE l.kind WHEN 'return' THEN 'refund' ELSE l.kind END AS movement, l.amount_vnd, l.fee_vnd,
    CASE WHEN l.kind = 'return' AND l.status = 'succeeded' THEN 'reversed' ELSE l.status END AS status,
    l.direction, f.account, l.booked_at AS occurred_at, l.settled_on, l.virtual_account, l.memo
FROM night_files f JOIN file_lines l ON (l.file_id, l.statement_n) = (f.file_id, f.statement_n);

CREATE TRIGGER night_readings_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON night_readings
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE night_readings ENABLE ALWAYS TRIGGER night_readings_append_only;
GRANT SELECT, INSERT ON night_readings TO paygw_runtime;
GRANT SELECT ON night_files, night_lines TO paygw_runtime;
