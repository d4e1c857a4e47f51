-- How far each projection has come, and which of its builds readers are shown.
--
-- A projection is made from the log and can be made again, so its rows live in a schema for each build
-- (`forum_portfolio_b3`), made and dropped by the code. What must outlive a build stands here.

CREATE SCHEMA projections;


-- A build: the tables of one projection at one revision, for any number of organisations.
CREATE TABLE projections.builds (
    projection     text        NOT NULL CHECK (projection ~ '^[a-z][a-z0-9_]{0,39}$'),
    build          bigint      NOT NULL CHECK (build > 0),
    revision       bigint      NOT NULL,
    kind           text        NOT NULL CHECK (kind IN ('live', 'rebuild', 'as_at')),
    organisation   text,
    occurred_until timestamptz,
    recorded_until timestamptz,
    made_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at    timestamptz,
    retired_at     timestamptz,
    CONSTRAINT builds_numbered PRIMARY KEY (projection, build),
    CONSTRAINT as_at_is_for_one CHECK ((kind = 'as_at') = (organisation IS NOT NULL))
);

COMMENT ON TABLE  projections.builds                IS 'The builds of each projection: one schema of tables each';
COMMENT ON COLUMN projections.builds.organisation   IS 'whose past an as-at build shows; other builds hold every organisation';
COMMENT ON COLUMN projections.builds.occurred_until IS 'an as-at build leaves out what happened later';
COMMENT ON COLUMN projections.builds.recorded_until IS 'an as-at build leaves out what was kept later';
COMMENT ON COLUMN projections.builds.finished_at    IS 'when an as-at build was last complete';
COMMENT ON COLUMN projections.builds.retired_at     IS 'when its last reader was sent elsewhere; it is dropped some time after';


-- How far a build has come with an organisation's log. Whoever writes rows moves this row in the same transaction,
-- and only if position and epoch are still the ones it knows: so there is one writer, whatever anybody believes.
CREATE TABLE projections.checkpoints (
    organisation text        NOT NULL,
    projection   text        NOT NULL,
    build        bigint      NOT NULL,
    position     bigint      NOT NULL DEFAULT 0 CHECK (position >= 0),
    epoch        bigint      NOT NULL DEFAULT 0,
    holder       text,
    lease_until  timestamptz,
    filling_to   bigint,
    filled_up_to text,
    CONSTRAINT checkpoints_one_each PRIMARY KEY (organisation, projection, build)
) WITH (fillfactor = 20, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

COMMENT ON TABLE  projections.checkpoints             IS 'How far each build has come. Narrow and nowhere else indexed: every batch updates a row';
COMMENT ON COLUMN projections.checkpoints.epoch       IS 'fencing token: raised by every claim';
COMMENT ON COLUMN projections.checkpoints.filling_to   IS 'while a new build is filled stream by stream: the position its rows will be of, all at once';
COMMENT ON COLUMN projections.checkpoints.filled_up_to IS 'and the last stream, in byte order, whose rows are there';
COMMENT ON COLUMN projections.checkpoints.lease_until IS 'until when the holder is left in peace, by the clock of this database';


-- Which build readers are shown.
CREATE TABLE projections.active (
    organisation text   NOT NULL,
    projection   text   NOT NULL,
    build        bigint NOT NULL,
    CONSTRAINT active_one_each PRIMARY KEY (organisation, projection)
);

COMMENT ON TABLE projections.active IS 'Which build of a projection an organisation reads. Moving this row is the switch after a rebuild';


-- What could not be digested: the first such record of a stream, which holds back all later ones of that stream.
CREATE TABLE projections.parked (
    organisation text        NOT NULL,
    projection   text        NOT NULL,
    build        bigint      NOT NULL,
    key          text        NOT NULL,
    position     bigint      NOT NULL,
    error        text        NOT NULL,
    records      bigint      NOT NULL CHECK (records > 0),
    since        timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT parked_one_a_stream PRIMARY KEY (organisation, projection, build, key)
);

COMMENT ON TABLE  projections.parked          IS 'Streams that wait behind a record which the code could not digest';
COMMENT ON COLUMN projections.parked.position IS 'of the record that could not be digested';
COMMENT ON COLUMN projections.parked.records  IS 'how many wait: that record and the later ones of its stream, by when they happened';


ALTER SCHEMA projections OWNER TO qiledger_owner;
ALTER TABLE projections.builds OWNER TO qiledger_owner;
ALTER TABLE projections.checkpoints OWNER TO qiledger_owner;
ALTER TABLE projections.active OWNER TO qiledger_owner;
ALTER TABLE projections.parked OWNER TO qiledger_owner;

GRANT USAGE ON SCHEMA projections TO qiledger_api, qiledger_worker, qiledger_report, qiledger_auditor;
GRANT SELECT ON ALL TABLES IN SCHEMA projections TO qiledger_api, qiledger_report, qiledger_auditor;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA projections TO qiledger_worker;

-- Makes the schema of a build, for the workers to fill. It belongs to whoever migrates, who may create schemas: a GRANT on
-- the database itself would be lost in its clones and most of its backups, and would let workers make any schema.
CREATE FUNCTION projections.make_schema(for_projection text, for_build bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM projections.builds WHERE projection = for_projection AND build = for_build) THEN
        RAISE no_data_found USING MESSAGE = format('%s has no build %s', for_projection, for_build);
    END IF;
    EXECUTE format('CREATE SCHEMA %I AUTHORIZATION qiledger_worker', for_projection || '_b' || for_build);
END
$$;
REVOKE EXECUTE ON FUNCTION projections.make_schema FROM PUBLIC;
GRANT EXECUTE ON FUNCTION projections.make_schema TO qiledger_worker;

-- Readers see what is their organisation's own; workers look after all of them.
ALTER TABLE projections.builds ENABLE ROW LEVEL SECURITY;
ALTER TABLE projections.checkpoints ENABLE ROW LEVEL SECURITY;
ALTER TABLE projections.active ENABLE ROW LEVEL SECURITY;
ALTER TABLE projections.parked ENABLE ROW LEVEL SECURITY;
CREATE POLICY working ON projections.builds TO qiledger_worker USING (true) WITH CHECK (true);
CREATE POLICY working ON projections.checkpoints TO qiledger_worker USING (true) WITH CHECK (true);
CREATE POLICY working ON projections.active TO qiledger_worker USING (true) WITH CHECK (true);
CREATE POLICY working ON projections.parked TO qiledger_worker USING (true) WITH CHECK (true);
CREATE POLICY own_organisation ON projections.builds FOR SELECT TO qiledger_api, qiledger_report, qiledger_auditor
    USING (organisation IS NULL OR organisation = current_setting('qiledger.organisation', true));
CREATE POLICY own_organisation ON projections.checkpoints FOR SELECT TO qiledger_api, qiledger_report, qiledger_auditor
    USING (organisation = current_setting('qiledger.organisation', true));
CREATE POLICY own_organisation ON projections.active FOR SELECT TO qiledger_api, qiledger_report, qiledger_auditor
    USING (organisation = current_setting('qiledger.organisation', true));
CREATE POLICY own_organisation ON projections.parked FOR SELECT TO qiledger_api, qiledger_report, qiledger_auditor
    USING (organisation = current_setting('qiledger.organisation', true));
