-- Tariffs: a version is one schedule by content. It is drafted, reviewed by another person, published by another
-- person than drafted it, and in the end superseded; what it says never changes, only when it is in force.

-- A range of texts: with it one exclusion constraint compares names for equality without an extension.
CREATE TYPE fee_line AS RANGE (subtype = text);
CREATE SEQUENCE fee_revision;

CREATE TABLE fee_versions (
    digest text CONSTRAINT fee_versions_pk PRIMARY KEY CONSTRAINT fee_versions_digest CHECK (digest ~ '^[0-9a-f]{64}$'),
    schedule_hash text NOT NULL,              -- of what decides amounts: orders name it
    procedure text NOT NULL,
    name text NOT NULL,
    jurisdiction text NOT NULL,
    schedule text NOT NULL,
    effective_from date NOT NULL,
    effective_to date,                        -- inclusive; null is open
    confidence text NOT NULL CONSTRAINT fee_versions_confidence
        CHECK (confidence IN ('verified', 'memory', 'illustrative', 'unmarked')),
    code_status text NOT NULL,
    document text NOT NULL,                   -- canonical JSON: the procedure with this schedule, and all it uses
    state text NOT NULL DEFAULT 'draft' CONSTRAINT fee_versions_state
        CHECK (state IN ('draft', 'reviewed', 'published', 'superseded')),
    in_force datemultirange NOT NULL DEFAULT '{}',
    drafted_by text NOT NULL,
    drafted_at timestamptz NOT NULL,
    reviewed_by text,
    reviewed_at timestamptz,
    published_by text,
    published_at timestamptz,
    accepted text NOT NULL DEFAULT '',        -- the confidence below `verified` its publisher took upon himself
    revision bigint NOT NULL DEFAULT nextval('fee_revision'),
    CONSTRAINT fee_versions_window CHECK (effective_to >= effective_from),
    CONSTRAINT fee_versions_second_reads CHECK (reviewed_by <> drafted_by),
    CONSTRAINT fee_versions_second_publishes CHECK (published_by <> drafted_by),
    CONSTRAINT fee_versions_was_reviewed CHECK (state = 'draft' OR reviewed_by IS NOT NULL),
    CONSTRAINT fee_versions_was_published CHECK (state IN ('draft', 'reviewed') OR published_by IS NOT NULL),
    CONSTRAINT fee_versions_in_force CHECK ((state = 'published') <> isempty(in_force)),
    CONSTRAINT fee_versions_inside CHECK (in_force <@ datemultirange(daterange(effective_from, effective_to, '[]'))),
    CONSTRAINT fee_versions_no_overlap EXCLUDE USING gist (
        fee_line(procedure || '/' || jurisdiction, procedure || '/' || jurisdiction, '[]') WITH &&,
        in_force WITH &&
    ) WHERE (state = 'published')
);
CREATE INDEX fee_versions_procedure ON fee_versions (procedure, jurisdiction);
CREATE INDEX fee_versions_hash ON fee_versions (schedule_hash);
CREATE INDEX fee_versions_revision ON fee_versions (revision);

CREATE FUNCTION guard_fee_version() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    moves constant text[] := ARRAY['draft>draft', 'draft>reviewed', 'reviewed>reviewed', 'reviewed>published',
        'published>published', 'published>superseded'];
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'draft' THEN
            RAISE EXCEPTION 'a version begins as a draft' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'versions are kept for ever' USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.state || '>' || NEW.state <> ALL (moves)
        OR (OLD.digest, OLD.schedule_hash, OLD.procedure, OLD.name, OLD.jurisdiction, OLD.schedule, OLD.effective_from,
            OLD.confidence, OLD.code_status, OLD.document, OLD.drafted_by, OLD.drafted_at)
        IS DISTINCT FROM (NEW.digest, NEW.schedule_hash, NEW.procedure, NEW.name, NEW.jurisdiction, NEW.schedule,
            NEW.effective_from, NEW.confidence, NEW.code_status, NEW.document, NEW.drafted_by, NEW.drafted_at)
        OR OLD.effective_to IS DISTINCT FROM NEW.effective_to
        OR (OLD.reviewed_by IS NOT NULL AND (OLD.reviewed_by, OLD.reviewed_at)
            IS DISTINCT FROM (NEW.reviewed_by, NEW.reviewed_at))
        OR (OLD.published_by IS NOT NULL AND ((OLD.published_by, OLD.published_at, OLD.accepted)
            IS DISTINCT FROM (NEW.published_by, NEW.published_at, NEW.accepted) OR NOT NEW.in_force <@ OLD.in_force))
    THEN
        RAISE EXCEPTION 'version % is %: what it says does not change', left(OLD.digest, 12), OLD.state
            USING ERRCODE = 'restrict_violation';
    END IF;
    NEW.revision := nextval('fee_revision');
    RETURN NEW;
END $$;
CREATE TRIGGER fee_versions_guard BEFORE INSERT OR UPDATE OR DELETE ON fee_versions
    FOR EACH ROW EXECUTE FUNCTION guard_fee_version();
CREATE TRIGGER fee_versions_kept BEFORE TRUNCATE ON fee_versions FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE fee_versions ENABLE ALWAYS TRIGGER fee_versions_guard;
ALTER TABLE fee_versions ENABLE ALWAYS TRIGGER fee_versions_kept;
CREATE TRIGGER fee_versions_told AFTER INSERT OR UPDATE ON fee_versions
    FOR EACH STATEMENT EXECUTE FUNCTION tell_settings();

-- A row per procedure, legal date, place and schedule that some order was priced by: written with the order, and all
-- but the first order of a day find it there. It says which days may not be charged otherwise any more.
CREATE TABLE fee_uses (
    procedure text NOT NULL,
    as_of date NOT NULL,
    jurisdiction text NOT NULL,               -- whose schedule it was
    province text NOT NULL,                   -- what the order named; '' for none
    schedule_hash text NOT NULL,
    CONSTRAINT fee_uses_pk PRIMARY KEY (procedure, as_of, jurisdiction, province, schedule_hash)
);

-- The first use of a schedule on a day meets the versions as they are now, so a process that has not heard of a
-- publication cannot price by what was superseded. Schedules never published here are not judged.
CREATE FUNCTION refuse_stale_fee() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (EXISTS (SELECT FROM fee_versions v WHERE v.schedule_hash = NEW.schedule_hash AND v.published_by IS NOT NULL)
            AND NOT EXISTS (SELECT FROM fee_versions v WHERE v.schedule_hash = NEW.schedule_hash
                AND v.state = 'published' AND v.in_force @> NEW.as_of))
        OR (NEW.province <> NEW.jurisdiction AND EXISTS (SELECT FROM fee_versions v WHERE v.procedure = NEW.procedure
            AND v.jurisdiction = NEW.province AND v.state = 'published' AND v.in_force @> NEW.as_of))
    THEN
        RAISE EXCEPTION 'this schedule is not in force on %', NEW.as_of
            USING ERRCODE = 'check_violation', CONSTRAINT = 'fee_uses_in_force';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER fee_uses_in_force AFTER INSERT ON fee_uses FOR EACH ROW EXECUTE FUNCTION refuse_stale_fee();
CREATE TRIGGER fee_uses_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON fee_uses
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE fee_uses ENABLE ALWAYS TRIGGER fee_uses_append_only;

-- Publishing waits for orders under way and holds back new ones until it has looked; the runtime role may not lock by
-- itself what it may not change.
CREATE FUNCTION hold_fee_uses() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    LOCK TABLE fee_uses IN SHARE MODE;
END $$;
REVOKE ALL ON FUNCTION hold_fee_uses() FROM PUBLIC;

GRANT SELECT, INSERT, UPDATE ON fee_versions TO paygw_runtime;
GRANT SELECT, INSERT ON fee_uses TO paygw_runtime;
GRANT USAGE ON SEQUENCE fee_revision TO paygw_runtime;
GRANT EXECUTE ON FUNCTION hold_fee_uses() TO paygw_runtime;
