-- The guards: nobody changes, removes or forges a record, not even the role that owns the table.
--
-- Three rings. Privileges: only the appender may insert, nobody may update or delete. Triggers: they refuse UPDATE, DELETE,
-- TRUNCATE and foreign INSERTs whatever the privileges say. An event trigger: it refuses every change to the definition
-- of the log by anybody but a superuser, so that the owner cannot take the other two away. What a superuser does is
-- beyond any database's guard; the proof over the leaves is there to show it.

CREATE FUNCTION log.refuse_rewriting() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE insufficient_privilege USING
        MESSAGE = format('%s on %I.%I is refused: what is on record stays as it was told', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME),
        HINT = 'Tell an event.corrected or an event.retracted instead.';
END
$$;

CREATE FUNCTION log.refuse_all_but_the_appender() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE insufficient_privilege USING
        MESSAGE = format('%s on %I.%I is refused: only log.append does that', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME);
END
$$;

CREATE TRIGGER never_rewritten BEFORE UPDATE OR DELETE OR TRUNCATE ON log.records
    FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_rewriting();
CREATE TRIGGER only_appended BEFORE INSERT ON log.records
    FOR EACH STATEMENT WHEN (current_user <> 'qiledger_appender') EXECUTE FUNCTION log.refuse_all_but_the_appender();
CREATE TRIGGER never_removed BEFORE DELETE OR TRUNCATE ON log.heads
    FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_rewriting();
CREATE TRIGGER only_moved_by_appending BEFORE INSERT OR UPDATE ON log.heads
    FOR EACH STATEMENT WHEN (current_user <> 'qiledger_appender') EXECUTE FUNCTION log.refuse_all_but_the_appender();
-- ALWAYS: also under session_replication_role = replica.
ALTER TABLE log.records ENABLE ALWAYS TRIGGER never_rewritten;
ALTER TABLE log.records ENABLE ALWAYS TRIGGER only_appended;
ALTER TABLE log.heads ENABLE ALWAYS TRIGGER never_removed;
ALTER TABLE log.heads ENABLE ALWAYS TRIGGER only_moved_by_appending;


-- Opens the log of an organisation, or renames it. Who may run this decides who may become a tenant: operators only.
CREATE FUNCTION log.open(for_organisation text, called text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    INSERT INTO log.heads (organisation, name)
    VALUES (for_organisation, called)
        ON CONFLICT (organisation) DO UPDATE SET name = excluded.name WHERE log.heads.name <> excluded.name
$$;


-- An organisation sees its own records and no others. A forgotten WHERE, or a forgotten setting, yields no rows.
ALTER TABLE log.records ENABLE ROW LEVEL SECURITY;
ALTER TABLE log.records FORCE ROW LEVEL SECURITY;
CREATE POLICY appending ON log.records TO qiledger_appender USING (true) WITH CHECK (true);
CREATE POLICY own_organisation ON log.records FOR SELECT
    TO qiledger_api, qiledger_worker, qiledger_report, qiledger_auditor
    USING (organisation = current_setting('qiledger.organisation', true));

ALTER TABLE log.heads ENABLE ROW LEVEL SECURITY;
ALTER TABLE log.heads FORCE ROW LEVEL SECURITY;
CREATE POLICY appending ON log.heads TO qiledger_appender USING (true) WITH CHECK (true);
CREATE POLICY own_organisation ON log.heads FOR SELECT
    TO qiledger_api, qiledger_report, qiledger_auditor
    USING (organisation = current_setting('qiledger.organisation', true));
-- Workers sweep over all organisations: how far each log has come, and nothing of what is in it.
CREATE POLICY sweeping ON log.heads FOR SELECT TO qiledger_worker USING (true);


-- A record as the canonical line that its leaf is made of, and its body as JSON for those who query. The views look with
-- the eyes of the reader, so the policies hold.
CREATE VIEW log.canonical_records WITH (security_invoker = true) AS
SELECT r.organisation, r.position, r.leaf,
       log.canonical(r.organisation, r.position, r.stream, r.version, r.source, r.id, r.type,
                     log.written(r.occurred_at, r.precise_to), log.written(r.recorded_at), r.actor, r.body) AS canonical
  FROM log.records AS r;

CREATE VIEW log.events WITH (security_invoker = true) AS
SELECT r.organisation, r.position, r.stream, r.version, r.source, r.id, r.type,
       log.written(r.occurred_at, r.precise_to) AS occurred, r.occurred_at, r.recorded_at, r.actor, r.body::jsonb AS body
  FROM log.records AS r;


ALTER SCHEMA log OWNER TO qiledger_owner;
ALTER TABLE log.heads OWNER TO qiledger_owner;
ALTER TABLE log.records OWNER TO qiledger_owner;
ALTER VIEW log.canonical_records OWNER TO qiledger_owner;
ALTER VIEW log.events OWNER TO qiledger_owner;
REVOKE ALL ON log.records, log.heads FROM qiledger_owner;
GRANT SELECT ON log.records, log.heads, log.canonical_records, log.events
   TO qiledger_api, qiledger_worker, qiledger_report, qiledger_auditor;
GRANT SELECT, INSERT ON log.records TO qiledger_appender;
GRANT SELECT, INSERT, UPDATE ON log.heads TO qiledger_appender;

GRANT CREATE ON SCHEMA log TO qiledger_appender;  -- a function's owner must be able to create where it stands …
ALTER FUNCTION log.append OWNER TO qiledger_appender;
ALTER FUNCTION log.judge OWNER TO qiledger_appender;
ALTER FUNCTION log.open OWNER TO qiledger_appender;
REVOKE CREATE ON SCHEMA log FROM qiledger_appender;  -- … for that moment only
ALTER FUNCTION log.refuse_rewriting OWNER TO qiledger_owner;
ALTER FUNCTION log.refuse_all_but_the_appender OWNER TO qiledger_owner;
REVOKE EXECUTE ON FUNCTION log.append, log.judge, log.open FROM PUBLIC;
GRANT EXECUTE ON FUNCTION log.append TO qiledger_api;

-- Nothing under the head lock may hang: these bound every session that logs in as the API.
ALTER ROLE qiledger_api SET lock_timeout = '5s';
ALTER ROLE qiledger_api SET statement_timeout = '30s';
ALTER ROLE qiledger_api SET idle_in_transaction_session_timeout = '10s';
ALTER ROLE qiledger_report SET statement_timeout = '60s';
ALTER ROLE qiledger_report SET default_transaction_read_only = on;
ALTER ROLE qiledger_auditor SET default_transaction_read_only = on;


-- The third ring. Event triggers belong to superusers: where the migrating role is none, the log stands without it, and
-- `qiledger doctor` says so. It lives in a schema of its own, or dropping the schema `log` would take the guard along.
CREATE SCHEMA guard;
CREATE FUNCTION guard.refuse_redefining() RETURNS event_trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    touched text;
BEGIN
    IF (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        RETURN;
    END IF;
    IF TG_EVENT = 'sql_drop' THEN
        SELECT object_identity INTO touched
          FROM pg_event_trigger_dropped_objects()
         WHERE schema_name = 'log' OR object_identity ~ '(^| on |\m)log\.' OR object_identity = 'log'
         LIMIT 1;
    ELSE
        SELECT coalesce(object_identity, TG_TAG) INTO touched
          FROM pg_event_trigger_ddl_commands()
         WHERE TG_TAG NOT IN ('REINDEX', 'GRANT', 'REVOKE')
           AND (schema_name = 'log' OR object_identity ~ '(^| on |\m)log\.' OR object_identity = 'log'
                OR objid IN ('log'::regnamespace::oid, 'log.records'::regclass::oid, 'log.heads'::regclass::oid))
         LIMIT 1;
        -- A child table would slip its rows in among the records.
        IF touched IS NULL AND EXISTS (
            SELECT FROM pg_inherits WHERE inhparent IN ('log.records'::regclass, 'log.heads'::regclass)) THEN
            touched := 'an inheriting table';
        END IF;
    END IF;
    IF touched IS NOT NULL THEN
        RAISE insufficient_privilege USING
            MESSAGE = format('%s is refused: %s belongs to the log, which only a superuser may redefine', TG_TAG, touched);
    END IF;
END
$$;

DO $$
BEGIN
    IF (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        CREATE EVENT TRIGGER qiledger_log_stands ON ddl_command_end EXECUTE FUNCTION guard.refuse_redefining();
        CREATE EVENT TRIGGER qiledger_log_is_not_dropped ON sql_drop EXECUTE FUNCTION guard.refuse_redefining();
        ALTER EVENT TRIGGER qiledger_log_stands ENABLE ALWAYS;
        ALTER EVENT TRIGGER qiledger_log_is_not_dropped ENABLE ALWAYS;
    END IF;
END
$$;
