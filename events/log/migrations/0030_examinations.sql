-- When each log was last examined, and where a reader met damage meanwhile.
--
-- The sealer's process makes everything again each night and compares. If that process is down, or stuck, nothing is
-- compared and nothing says so; these tables let `qiledger doctor` and `/readyz` say it.

CREATE TABLE proof.examinations (
    organisation text        NOT NULL,
    generation   bigint      NOT NULL,
    examined_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    size         bigint      NOT NULL CHECK (size >= 0),
    flaws        bigint      NOT NULL CHECK (flaws >= 0),
    CONSTRAINT examinations_in_order PRIMARY KEY (organisation, generation, examined_at)
);
COMMENT ON TABLE  proof.examinations      IS 'Every time that a log was made again from its records and compared: a row a night';
COMMENT ON COLUMN proof.examinations.size IS 'over how many records';

-- Damage that the API met while it made a proof: the log is examined at once, not only in the night.
CREATE TABLE proof.doubts (
    organisation text        NOT NULL,
    what         text        NOT NULL CHECK (length(what) BETWEEN 1 AND 200),
    met_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT doubts_once PRIMARY KEY (organisation, what)
);
COMMENT ON TABLE proof.doubts IS 'What did not prove what was signed when a reader asked for it, and when that was last met';

CREATE TRIGGER never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON proof.examinations
    FOR EACH STATEMENT EXECUTE FUNCTION proof.refuse_changes();
CREATE TRIGGER never_removed BEFORE DELETE OR TRUNCATE ON proof.doubts
    FOR EACH STATEMENT EXECUTE FUNCTION proof.refuse_changes();
ALTER TABLE proof.examinations ENABLE ALWAYS TRIGGER never_changed;
ALTER TABLE proof.doubts ENABLE ALWAYS TRIGGER never_removed;

DO $$
DECLARE
    kept text;
BEGIN
    FOREACH kept IN ARRAY ARRAY['examinations', 'doubts'] LOOP
        EXECUTE format('ALTER TABLE proof.%I OWNER TO qiledger_owner', kept);
        EXECUTE format('REVOKE ALL ON proof.%I FROM qiledger_owner', kept);
        EXECUTE format('ALTER TABLE proof.%I ENABLE ROW LEVEL SECURITY', kept);
        EXECUTE format('ALTER TABLE proof.%I FORCE ROW LEVEL SECURITY', kept);
        EXECUTE format('CREATE POLICY sealing ON proof.%I TO qiledger_worker USING (true) WITH CHECK (true)', kept);
        EXECUTE format('CREATE POLICY own_organisation ON proof.%I FOR SELECT TO qiledger_api, qiledger_auditor
                            USING (organisation = current_setting(''qiledger.organisation'', true))', kept);
        EXECUTE format('GRANT SELECT ON proof.%I TO qiledger_api, qiledger_auditor, qiledger_worker', kept);
    END LOOP;
END
$$;
GRANT INSERT ON proof.examinations TO qiledger_worker;
GRANT INSERT, UPDATE (met_at) ON proof.doubts TO qiledger_api;
CREATE POLICY doubting ON proof.doubts TO qiledger_api
    USING (organisation = current_setting('qiledger.organisation', true))
    WITH CHECK (organisation = current_setting('qiledger.organisation', true));


-- Since when not every log has been examined: the log that has waited longest, or NULL if nothing is sealed. It says that to
-- the API, which sees one organisation at a time, and nothing else of any log.
CREATE FUNCTION proof.examined_since() RETURNS timestamptz
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT min(coalesce(
               (SELECT e.examined_at
                  FROM proof.examinations AS e
                 WHERE e.organisation = l.organisation AND e.generation = l.generation
                 ORDER BY e.examined_at DESC
                 LIMIT 1),
               (SELECT c.signed_at
                  FROM proof.checkpoints AS c
                 WHERE c.organisation = l.organisation AND c.generation = l.generation
                 ORDER BY c.size
                 LIMIT 1)))
      FROM proof.logs AS l
$$;
GRANT CREATE ON SCHEMA proof TO qiledger_worker;  -- a function's owner must be able to create where it stands …
ALTER FUNCTION proof.examined_since OWNER TO qiledger_worker;
REVOKE CREATE ON SCHEMA proof FROM qiledger_worker;  -- … for that moment only
REVOKE EXECUTE ON FUNCTION proof.examined_since FROM PUBLIC;
GRANT EXECUTE ON FUNCTION proof.examined_since TO qiledger_api;
