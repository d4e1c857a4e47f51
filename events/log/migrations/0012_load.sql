-- Loading an export: the records of another installation, with their positions, moments and leaves as they were.
--
-- For an administrator alone, and only into a log that is empty. Records are added in batches behind the head, where no
-- reader looks; only when all are there does the head move, at once. So nobody sees, folds or tells of half a log, and an
-- event that is told meanwhile is refused by the key of positions. A load that was interrupted is gone on with.

CREATE FUNCTION log.load(for_organisation text, lines text[]) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO, YMD'
AS $$
DECLARE
    before bigint;
BEGIN
    PERFORM FROM log.heads AS h WHERE h.organisation = for_organisation AND h.position = 0 FOR UPDATE;
    IF NOT FOUND THEN
        RAISE object_not_in_prerequisite_state USING
            MESSAGE = format('the log of %s is not open and empty: nothing can be loaded into it', for_organisation);
    END IF;
    SELECT coalesce(max(r.position), 0) INTO before FROM log.records AS r WHERE r.organisation = for_organisation;

    -- Every line is written again from its columns: only one that is the same, at its place, has a leaf.
    INSERT INTO log.records (
           organisation, position, version, occurred_at, recorded_at, stream, source, id, type, precise_to, actor, body, leaf)
    SELECT for_organisation, position, version, occurred_at, recorded_at, stream, source, id, type, precise_to, actor, body,
           CASE WHEN position = before + n
                 AND line = log.canonical(for_organisation, position, stream, version, source, id, type,
                                          log.written(occurred_at, precise_to), log.written(recorded_at), actor, body)
                THEN log.leaf(line) END
      FROM (SELECT n, line,
                   (told ->> 'position')::bigint AS position, (told ->> 'version')::bigint AS version,
                   told ->> 'stream' AS stream, told ->> 'source' AS source, told ->> 'id' AS id,
                   told ->> 'type' AS type, told ->> 'actor' AS actor, (told -> 'body')::text AS body,
                   CASE length(told ->> 'occurred')
                        WHEN 27 THEN (told ->> 'occurred')::timestamptz
                        ELSE (rpad(told ->> 'occurred', 10, '-01-01') || 'T00:00:00Z')::timestamptz END AS occurred_at,
                   CASE length(told ->> 'occurred')
                        WHEN 27 THEN 'instant' WHEN 10 THEN 'day' WHEN 7 THEN 'month' ELSE 'year' END AS precise_to,
                   (told ->> 'recorded')::timestamptz AS recorded_at
              FROM (SELECT n, line, line::json AS told
                      FROM unnest(lines) WITH ORDINALITY AS given (line, n)) AS parsed) AS read
     ORDER BY n;
    RETURN before + cardinality(lines);
EXCEPTION WHEN not_null_violation OR invalid_text_representation OR invalid_datetime_format OR datetime_field_overflow THEN
    RAISE data_exception USING
        MESSAGE = format('a line behind position %s of %s is not written as records are', before, for_organisation);
END
$$;


-- What was loaded, whence and under which checkpoint: what the installation before had signed is not forgotten.
CREATE TABLE log.loads (
    organisation text        NOT NULL,
    records      bigint      NOT NULL CHECK (records >= 0),
    root         bytea       NOT NULL CHECK (octet_length(root) = 32),
    checkpoint   text,
    keys         text[]      NOT NULL DEFAULT '{}',
    exported_at  text        NOT NULL,
    exported_by  text        NOT NULL,
    loaded_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT loads_one_each PRIMARY KEY (organisation)
);
COMMENT ON TABLE log.loads IS 'Which logs began elsewhere: how many records, their root, and the checkpoint signed there';

CREATE TRIGGER never_rewritten BEFORE UPDATE OR DELETE OR TRUNCATE ON log.loads
    FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_rewriting();
ALTER TABLE log.loads ENABLE ALWAYS TRIGGER never_rewritten;
CREATE TRIGGER only_loaded BEFORE INSERT ON log.loads
    FOR EACH STATEMENT WHEN (current_user <> 'qiledger_appender') EXECUTE FUNCTION log.refuse_all_but_the_appender();
ALTER TABLE log.loads ENABLE ALWAYS TRIGGER only_loaded;
ALTER TABLE log.loads ENABLE ROW LEVEL SECURITY;
ALTER TABLE log.loads FORCE ROW LEVEL SECURITY;
CREATE POLICY loading ON log.loads TO qiledger_appender USING (true) WITH CHECK (true);
CREATE POLICY own_organisation ON log.loads FOR SELECT
    TO qiledger_api, qiledger_worker, qiledger_report, qiledger_auditor
    USING (organisation = current_setting('qiledger.organisation', true));


-- All records are there: the head moves to the last of them, and from the commit on the log is like any other.
CREATE FUNCTION log.finish_load(
    for_organisation text, size bigint, its_root bytea, its_checkpoint text, its_keys text[], made_at text, made_by text
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    last record;
BEGIN
    PERFORM FROM log.heads AS h WHERE h.organisation = for_organisation AND h.position = 0 FOR UPDATE;
    IF NOT FOUND THEN
        RAISE object_not_in_prerequisite_state USING
            MESSAGE = format('the log of %s is not open and empty: nothing can be loaded into it', for_organisation);
    END IF;
    SELECT r.position, r.recorded_at INTO last
      FROM log.records AS r
     WHERE r.organisation = for_organisation
     ORDER BY r.position DESC
     LIMIT 1;
    IF last.position IS DISTINCT FROM size THEN
        RAISE object_not_in_prerequisite_state USING
            MESSAGE = format('%s of %s records of %s are loaded', coalesce(last.position, 0), size, for_organisation);
    END IF;
    INSERT INTO log.loads (organisation, records, root, checkpoint, keys, exported_at, exported_by)
    VALUES (for_organisation, size, its_root, its_checkpoint, its_keys, made_at, made_by);
    UPDATE log.heads AS h SET position = size, recorded_at = last.recorded_at WHERE h.organisation = for_organisation;
END
$$;

ALTER TABLE log.loads OWNER TO qiledger_owner;
REVOKE ALL ON log.loads FROM qiledger_owner;
GRANT SELECT ON log.loads TO qiledger_api, qiledger_worker, qiledger_report, qiledger_auditor;
GRANT SELECT, INSERT ON log.loads TO qiledger_appender;
GRANT CREATE ON SCHEMA log TO qiledger_appender;
ALTER FUNCTION log.load OWNER TO qiledger_appender;
ALTER FUNCTION log.finish_load OWNER TO qiledger_appender;
REVOKE CREATE ON SCHEMA log FROM qiledger_appender;
REVOKE EXECUTE ON FUNCTION log.load, log.finish_load FROM PUBLIC;
