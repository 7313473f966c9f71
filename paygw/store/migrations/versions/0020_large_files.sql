-- A provider's peak day has millions of lines. The first 20 MiB of a file stand with it, what follows in pieces of the
-- same size, so that no process ever holds more of a file than one piece.

ALTER TABLE bank_files DROP CONSTRAINT bank_files_size;
ALTER TABLE bank_files ADD CONSTRAINT bank_files_size CHECK (size_bytes BETWEEN 1 AND 1048576000);

CREATE TABLE bank_file_pieces (
    file_id uuid NOT NULL CONSTRAINT bank_file_pieces_file_fk REFERENCES bank_files (id),
    n integer NOT NULL CONSTRAINT bank_file_pieces_n CHECK (n > 1),  -- the first stands in bank_files.content
    content bytea NOT NULL,                                          -- sealed as that is
    CONSTRAINT bank_file_pieces_pk PRIMARY KEY (file_id, n)
);
CREATE TRIGGER bank_file_pieces_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON bank_file_pieces
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE bank_file_pieces ENABLE ALWAYS TRIGGER bank_file_pieces_append_only;
GRANT SELECT, INSERT ON bank_file_pieces TO paygw_runtime;

-- Money between two accounts of one owner has the same reference in both statements, which may come in one file.
ALTER TABLE file_lines DROP CONSTRAINT file_lines_once;
ALTER TABLE file_lines ADD CONSTRAINT file_lines_once UNIQUE (file_id, statement_n, key);
