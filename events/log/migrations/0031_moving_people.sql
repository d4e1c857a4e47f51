-- Moving an organisation's people: the key to which the installation before seals them, good for one file.
--
-- The public half goes to the installation that has the people; the private half is wrapped by the master key, like the
-- keys of persons, and is forgotten once the file has been taken in. No role of the house may see it.
CREATE TABLE vault.invitations (
    organisation text        NOT NULL CHECK (organisation <> ''),
    id           text        NOT NULL CHECK (id ~ '^[0-9a-f]{16}$'),
    public       bytea       NOT NULL CHECK (octet_length(public) = 32),
    master       text        NOT NULL CHECK (master <> ''),
    wrapped      bytea,
    made_at      timestamptz NOT NULL DEFAULT now(),
    used_at      timestamptz,
    CONSTRAINT invitations_named PRIMARY KEY (organisation, id),
    CONSTRAINT invitations_are_open_or_used CHECK ((wrapped IS NULL) = (used_at IS NOT NULL))
);
COMMENT ON TABLE  vault.invitations         IS 'Public keys (X25519) to which the people of an organisation may be sealed';
COMMENT ON COLUMN vault.invitations.wrapped IS 'the private half, wrapped by the master key; NULL once it has been used';

ALTER TABLE vault.invitations OWNER TO qiledger_owner;
ALTER TABLE vault.invitations ENABLE ROW LEVEL SECURITY;
ALTER TABLE vault.invitations FORCE ROW LEVEL SECURITY;


-- What was destroyed stays so under every setting of the session, and no TRUNCATE takes it away.
CREATE FUNCTION vault.refuse_emptying() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE insufficient_privilege USING MESSAGE = 'keys are destroyed one by one, and their rows stay';
END
$$;
ALTER FUNCTION vault.refuse_emptying OWNER TO qiledger_owner;
CREATE TRIGGER never_emptied BEFORE TRUNCATE ON vault.keys
    FOR EACH STATEMENT EXECUTE FUNCTION vault.refuse_emptying();
ALTER TABLE vault.keys ENABLE ALWAYS TRIGGER never_emptied;
ALTER TABLE vault.keys ENABLE ALWAYS TRIGGER never_revived;


-- An auditor who reads in the database itself puts that on record too, by this and nothing else: a command says through
-- which door it reads, and which positions. Who it was is the role that logged in, whatever the command says.
CREATE FUNCTION log.note_read(for_organisation text, door text, first_position bigint, last_position bigint)
RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT a.position
      FROM log.append(
           regexp_replace(for_organisation, '\.operations$', '') || '.operations',
           jsonb_build_array(jsonb_build_object(
               'stream', 'operations/records', 'source', '/qiledger', 'type', 'records.read',
               'id', replace(gen_random_uuid()::text, '-', ''),
               'occurred_at', clock_timestamp(), 'precise_to', 'instant',
               'actor', 'client/' || left(regexp_replace(session_user, '[^A-Za-z0-9._~-]', '-', 'g'), 60),
               'body', '{"reads":[{"client":'
                       || to_json(left(regexp_replace(session_user, '[^A-Za-z0-9._~-]', '-', 'g'), 60))
                       || ',"door":' || to_json(left(regexp_replace(door, '[[:cntrl:]]', ' ', 'g'), 300))
                       || ',"times":1'
                       || CASE WHEN first_position IS NULL THEN '' ELSE ',"first":' || greatest(first_position, 0) END
                       || CASE WHEN last_position IS NULL THEN '' ELSE ',"last":' || greatest(last_position, 0) END
                       || '}],"seconds":0.0}'))) AS a
$$;
GRANT CREATE ON SCHEMA log TO qiledger_appender;
ALTER FUNCTION log.note_read OWNER TO qiledger_appender;
REVOKE CREATE ON SCHEMA log FROM qiledger_appender;
REVOKE EXECUTE ON FUNCTION log.note_read FROM PUBLIC;
GRANT EXECUTE ON FUNCTION log.note_read TO qiledger_auditor;
