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
