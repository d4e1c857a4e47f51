-- Nothing of the log is moved away. A command that is over says where an object is, not where it was: a guard's function that
-- the owner moved into another schema of theirs was no longer of the log, could be replaced there, and then refused nothing.
--
-- So what stands in the schema is noted as a command begins, and all of it has to stand there when it ends. The log is
-- asked for by names that may be gone: it refuses a renaming because it is one, not because a name is not found.

-- What stands in the schema: tables, views, functions, types, each as catalogue/oid.
CREATE FUNCTION guard.standing() RETURNS text[]
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(array_agg(DISTINCT classid || '/' || objid), '{}')
      FROM pg_depend
     WHERE refclassid = 'pg_namespace'::regclass AND refobjid = to_regnamespace('log')
$$;

GRANT USAGE ON SCHEMA guard TO PUBLIC;  -- whoever gives a command is looked after by these functions, as themselves

CREATE FUNCTION guard.note_what_stands() RETURNS event_trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        PERFORM set_config('guard.standing', guard.standing()::text, true);
    END IF;
END
$$;

-- No table is slipped over those of the log, as none is slipped under them. What is told to a parent is done to its children,
-- by the parent's privileges, policies and triggers alone: the owner could attach the records to a partitioned table of their
-- own, and rewrite them through that. The command names the parent only, so what stands is looked at.
CREATE OR REPLACE FUNCTION guard.refuse_redefining() RETURNS event_trigger
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
           AND (schema_name = 'log' OR object_identity ~ '(^| on |\m)log\.' OR object_identity = 'log')
         LIMIT 1;
        -- Not noted: the trigger that does it was taken down by a superuser, and `qiledger doctor` says so.
        IF touched IS NULL AND NOT nullif(current_setting('guard.standing', true), '')::text[] <@ guard.standing() THEN
            touched := 'what was moved out of it';
        END IF;
        IF touched IS NULL AND EXISTS (
            SELECT
              FROM pg_inherits
              JOIN pg_class AS of_the_log ON of_the_log.oid IN (inhparent, inhrelid)
             WHERE of_the_log.relnamespace = to_regnamespace('log') AND of_the_log.relkind IN ('r', 'p', 'f')) THEN
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
        CREATE EVENT TRIGGER qiledger_log_is_not_moved ON ddl_command_start EXECUTE FUNCTION guard.note_what_stands();
        ALTER EVENT TRIGGER qiledger_log_is_not_moved ENABLE ALWAYS;
    END IF;
END
$$;
