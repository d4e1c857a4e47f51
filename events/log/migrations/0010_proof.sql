-- The proof: a Merkle tree over each log's records in tiles (c2sp.org/tlog-tiles), and the checkpoints signed over it.
--
-- What was sealed is never changed: checkpoints, cosignatures and keys are only added, a tile only grows at its end, a tree
-- only grows. Where a log has to begin anew (its history was lost, and an operator said so), a new generation begins beside
-- the old one, under another origin. The key of every table begins with the name of the log.

CREATE SCHEMA proof;


-- How far each log's tree has come, and who grows it. `size` runs ahead of `signed` while a backlog is worked off.
CREATE TABLE proof.logs (
    organisation text        NOT NULL,
    generation   bigint      NOT NULL DEFAULT 1 CHECK (generation > 0),
    origin       text        NOT NULL CHECK (origin <> ''),
    size         bigint      NOT NULL DEFAULT 0 CHECK (size >= 0),
    signed       bigint      NOT NULL DEFAULT 0 CHECK (signed BETWEEN 0 AND size),
    hashes       bytea[]     NOT NULL DEFAULT '{}',
    epoch        bigint      NOT NULL DEFAULT 0,
    holder       text,
    lease_until  timestamptz,
    CONSTRAINT logs_one_each PRIMARY KEY (organisation)
) WITH (fillfactor = 20, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

COMMENT ON TABLE  proof.logs            IS 'The tree of each log: its size, and the roots of its largest whole subtrees';
COMMENT ON COLUMN proof.logs.generation IS 'raised when an operator has a log begin anew; its origin differs then';
COMMENT ON COLUMN proof.logs.size       IS 'how many records are in the tiles';
COMMENT ON COLUMN proof.logs.signed     IS 'and the size of the newest checkpoint';
COMMENT ON COLUMN proof.logs.epoch      IS 'fencing token: raised by every claim, compared by every write';


CREATE TABLE proof.tiles (
    organisation text     NOT NULL,
    generation   bigint   NOT NULL,
    level        smallint NOT NULL CHECK (level BETWEEN 0 AND 7),
    tile         bigint   NOT NULL CHECK (tile >= 0),
    hashes       bytea    NOT NULL CHECK (octet_length(hashes) BETWEEN 32 AND 8192 AND octet_length(hashes) % 32 = 0),
    CONSTRAINT tiles_in_order PRIMARY KEY (organisation, generation, level, tile)
);
ALTER TABLE proof.tiles ALTER COLUMN hashes SET STORAGE EXTERNAL;  -- hashes do not compress

COMMENT ON TABLE proof.tiles IS 'Up to 256 neighbouring hashes each: of records at level 0, of whole tiles one level below above that';


CREATE TABLE proof.checkpoints (
    organisation text        NOT NULL,
    generation   bigint      NOT NULL,
    size         bigint      NOT NULL CHECK (size > 0),
    root         bytea       NOT NULL CHECK (octet_length(root) = 32),
    note         text        NOT NULL,
    signed_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT checkpoints_in_order PRIMARY KEY (organisation, generation, size)
);

COMMENT ON TABLE proof.checkpoints IS 'Every checkpoint that was signed (c2sp.org/tlog-checkpoint), as it was signed';


-- Every key that has signed, and from which size on.
CREATE TABLE proof.keys (
    organisation text        NOT NULL,
    generation   bigint      NOT NULL,
    vkey         text        NOT NULL,
    first_size   bigint      NOT NULL,
    first_used   timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT keys_once PRIMARY KEY (organisation, generation, vkey)
);


-- What witnesses on other machines put under a checkpoint.
CREATE TABLE proof.cosignatures (
    organisation text        NOT NULL,
    generation   bigint      NOT NULL,
    size         bigint      NOT NULL,
    witness      text        NOT NULL,
    line         text        NOT NULL,
    received_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT cosignatures_once PRIMARY KEY (organisation, generation, size, witness)
);

-- How far each witness has come, and when it is asked again.
CREATE TABLE proof.witnesses (
    organisation text        NOT NULL,
    generation   bigint      NOT NULL,
    witness      text        NOT NULL,
    size         bigint      NOT NULL DEFAULT 0,
    failures     bigint      NOT NULL DEFAULT 0,
    asked_at     timestamptz,
    again_at     timestamptz NOT NULL DEFAULT '-infinity',
    trouble      text,
    CONSTRAINT witnesses_one_each PRIMARY KEY (organisation, generation, witness)
);

COMMENT ON COLUMN proof.witnesses.size    IS 'the largest tree that it is known to have cosigned';
COMMENT ON COLUMN proof.witnesses.trouble IS 'why it did not cosign when it was last asked';


-- A refusal to sign, kept until an operator has decided, and after.
CREATE TABLE proof.refusals (
    organisation text        NOT NULL,
    generation   bigint      NOT NULL,
    refused_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    reason       text        NOT NULL,
    decided_at   timestamptz,
    decision     text,
    CONSTRAINT refusals_in_order PRIMARY KEY (organisation, refused_at)
);
CREATE UNIQUE INDEX refusals_one_open ON proof.refusals (organisation) WHERE decided_at IS NULL;

COMMENT ON TABLE proof.refusals IS 'What the sealer would not sign, and why. While one is undecided, nothing of that log is signed';


-- The guards. A superuser can take them away; the signatures, and the witnesses, are there to show it.
CREATE FUNCTION proof.refuse_changes() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE insufficient_privilege USING
        MESSAGE = format('%s on %I.%I is refused: what was sealed stays', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME);
END
$$;

CREATE FUNCTION proof.only_grows() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF (NEW.organisation, NEW.generation, NEW.level, NEW.tile) IS DISTINCT FROM (OLD.organisation, OLD.generation, OLD.level, OLD.tile)
       OR octet_length(NEW.hashes) < octet_length(OLD.hashes)
       OR substring(NEW.hashes FOR octet_length(OLD.hashes)) <> OLD.hashes THEN
        RAISE insufficient_privilege USING MESSAGE = 'a tile only grows at its end: what was sealed stays';
    END IF;
    RETURN NEW;
END
$$;

CREATE FUNCTION proof.only_goes_on() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NEW.organisation <> OLD.organisation
       OR (NEW.generation = OLD.generation
           AND (NEW.origin <> OLD.origin OR NEW.size < OLD.size OR NEW.signed < OLD.signed))
       OR (NEW.generation <> OLD.generation
           AND (NEW.generation <> OLD.generation + 1 OR NEW.origin = OLD.origin OR NEW.size <> 0)) THEN
        RAISE insufficient_privilege USING MESSAGE = 'a tree only grows, or begins anew as the next generation: what was sealed stays';
    END IF;
    RETURN NEW;
END
$$;

CREATE FUNCTION proof.only_decided() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF OLD.decided_at IS NOT NULL
       OR (NEW.organisation, NEW.generation, NEW.refused_at, NEW.reason) IS DISTINCT FROM
          (OLD.organisation, OLD.generation, OLD.refused_at, OLD.reason) THEN
        RAISE insufficient_privilege USING MESSAGE = 'a refusal stays; it is decided once';
    END IF;
    RETURN NEW;
END
$$;

DO $$
DECLARE
    kept text;
BEGIN
    FOREACH kept IN ARRAY ARRAY['checkpoints', 'keys', 'cosignatures'] LOOP
        EXECUTE format('CREATE TRIGGER never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON proof.%I
                           FOR EACH STATEMENT EXECUTE FUNCTION proof.refuse_changes()', kept);
        EXECUTE format('ALTER TABLE proof.%I ENABLE ALWAYS TRIGGER never_changed', kept);
    END LOOP;
    FOREACH kept IN ARRAY ARRAY['logs', 'tiles', 'refusals'] LOOP
        EXECUTE format('CREATE TRIGGER never_removed BEFORE DELETE OR TRUNCATE ON proof.%I
                           FOR EACH STATEMENT EXECUTE FUNCTION proof.refuse_changes()', kept);
        EXECUTE format('ALTER TABLE proof.%I ENABLE ALWAYS TRIGGER never_removed', kept);
    END LOOP;
END
$$;
CREATE TRIGGER only_grows BEFORE UPDATE ON proof.tiles FOR EACH ROW EXECUTE FUNCTION proof.only_grows();
CREATE TRIGGER only_goes_on BEFORE UPDATE ON proof.logs FOR EACH ROW EXECUTE FUNCTION proof.only_goes_on();
CREATE TRIGGER only_decided BEFORE UPDATE ON proof.refusals FOR EACH ROW EXECUTE FUNCTION proof.only_decided();
ALTER TABLE proof.tiles ENABLE ALWAYS TRIGGER only_grows;
ALTER TABLE proof.logs ENABLE ALWAYS TRIGGER only_goes_on;
ALTER TABLE proof.refusals ENABLE ALWAYS TRIGGER only_decided;


DO $$
DECLARE
    kept text;
BEGIN
    FOREACH kept IN ARRAY ARRAY['logs', 'tiles', 'checkpoints', 'keys', 'cosignatures', 'witnesses', 'refusals'] LOOP
        EXECUTE format('ALTER TABLE proof.%I OWNER TO qiledger_owner', kept);
        EXECUTE format('REVOKE ALL ON proof.%I FROM qiledger_owner', kept);
        EXECUTE format('ALTER TABLE proof.%I ENABLE ROW LEVEL SECURITY', kept);
        EXECUTE format('ALTER TABLE proof.%I FORCE ROW LEVEL SECURITY', kept);
        EXECUTE format('CREATE POLICY sealing ON proof.%I TO qiledger_worker USING (true) WITH CHECK (true)', kept);
        EXECUTE format('CREATE POLICY own_organisation ON proof.%I FOR SELECT TO qiledger_api, qiledger_auditor
                            USING (organisation = current_setting(''qiledger.organisation'', true))', kept);
        EXECUTE format('GRANT SELECT ON proof.%I TO qiledger_api, qiledger_auditor, qiledger_worker', kept);
        EXECUTE format('GRANT INSERT ON proof.%I TO qiledger_worker', kept);
    END LOOP;
END
$$;
ALTER SCHEMA proof OWNER TO qiledger_owner;
ALTER FUNCTION proof.refuse_changes OWNER TO qiledger_owner;
ALTER FUNCTION proof.only_grows OWNER TO qiledger_owner;
ALTER FUNCTION proof.only_goes_on OWNER TO qiledger_owner;
ALTER FUNCTION proof.only_decided OWNER TO qiledger_owner;
GRANT USAGE ON SCHEMA proof TO qiledger_api, qiledger_worker, qiledger_auditor;
GRANT UPDATE ON proof.logs, proof.witnesses TO qiledger_worker;
GRANT UPDATE (hashes) ON proof.tiles TO qiledger_worker;
GRANT UPDATE (decided_at, decision) ON proof.refusals TO qiledger_worker;
