-- Whoever reads in the database puts that on record in words that can be read, whatever their role is called.
--
-- An identifier begins with a letter or a digit. A role that begins with `_`, or with a letter that becomes `-`, was noted
-- under a name that the vocabulary refuses, and the operations log had a record that nobody could fold.
CREATE OR REPLACE FUNCTION log.note_read(for_organisation text, door text, first_position bigint, last_position bigint)
RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    WITH who AS (
        SELECT coalesce(nullif(left(ltrim(
                   regexp_replace(session_user, '[^A-Za-z0-9._~-]' COLLATE "C", '-', 'g'), '._~-'), 60), ''), 'unnamed') AS role
    )
    SELECT a.position
      FROM who, log.append(
           regexp_replace(for_organisation, '\.operations$', '') || '.operations',
           jsonb_build_array(jsonb_build_object(
               'stream', 'operations/records', 'source', '/qiledger', 'type', 'records.read',
               'id', replace(gen_random_uuid()::text, '-', ''),
               'occurred_at', clock_timestamp(), 'precise_to', 'instant',
               'actor', 'client/' || who.role,
               'body', '{"reads":[{"client":' || to_json(who.role)
                       || ',"door":' || to_json(coalesce(nullif(left(regexp_replace(door, '[[:cntrl:]]', ' ', 'g'), 300), ''), 'unnamed'))
                       || ',"times":1'
                       || CASE WHEN first_position IS NULL THEN '' ELSE ',"first":' || greatest(first_position, 0) END
                       || CASE WHEN last_position IS NULL THEN '' ELSE ',"last":' || greatest(last_position, 0) END
                       || '}],"seconds":0.0}'))) AS a
$$;
