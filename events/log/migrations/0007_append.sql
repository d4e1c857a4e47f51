-- `log.append` again, the same promises, in two parts: the plain case, which answers in one row and is told where to look,
-- and the judging of whatever is not plain (docs/decisions/0007-append-in-one-row.md).
--
-- What an item of a batch holds, and why plans are pinned, is said at the head of 0002_append.sql.

-- The plain case: appends a batch of which every item is new and expects no other version than it meets.
--
--   head         the position before the first item: the items have the positions after it, in their order
--   recorded_at  of all of them
--   versions     in their streams, in the order of the items
--   leaves       32 bytes each, in that order, joined; NULL if the batch is not plain: then nothing was done
--
-- `seen` may name, by stream, a version that the caller has seen there. It is where the search for the newest begins,
-- and nothing more: found is what is there, whatever was said. (An index page holds the versions of a stream by the
-- dozen, and a search without a beginning reads all that are on the page; in a long log that was a quarter of the time.)
--
-- Raises no_data_found for an organisation that has no log.
CREATE FUNCTION log.append_plain(
    for_organisation text, batch jsonb, seen jsonb DEFAULT '{}',
    OUT head bigint, OUT recorded_at timestamptz, OUT versions bigint[], OUT leaves bytea
)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET lock_timeout = '5s'
AS $$
DECLARE
    told      bigint := jsonb_array_length(batch);
    now_text  text;
    all_plain boolean;
BEGIN
    -- From here to the commit this organisation's log is ours alone. The head moves for all items at once.
    UPDATE log.heads AS h
       SET position = h.position + told, recorded_at = greatest(clock_timestamp(), h.recorded_at)
     WHERE h.organisation = for_organisation
    RETURNING h.position - told, h.recorded_at INTO head, append_plain.recorded_at;
    IF NOT FOUND THEN
        RAISE no_data_found USING MESSAGE = format('organisation %s has no log', for_organisation);
    END IF;
    now_text := log.written(append_plain.recorded_at);

    -- The version of each item: how many of its stream stand before it, here and in the log.
    SELECT array_agg(p.version ORDER BY p.n), bool_and(coalesce(p.expected = p.version - 1, true))
      INTO versions, all_plain
      FROM (SELECT c.n, c.expected,
                   c.in_stream + coalesce(max(CASE WHEN c.in_stream = 1 THEN coalesce(  -- once a stream, not once an item
                        (SELECT r.version
                           FROM log.records AS r
                          WHERE r.organisation = for_organisation AND r.stream = c.stream
                            AND r.version >= (seen ->> c.stream)::bigint
                          ORDER BY r.version DESC
                          LIMIT 1),
                        (SELECT r.version
                           FROM log.records AS r
                          WHERE r.organisation = for_organisation AND r.stream = c.stream
                          ORDER BY r.version DESC
                          LIMIT 1)) END) OVER (PARTITION BY c.stream), 0) AS version
              FROM (SELECT t.n, t.stream, t.expected, row_number() OVER (PARTITION BY t.stream ORDER BY t.n) AS in_stream
                      FROM ROWS FROM (jsonb_to_recordset(batch) AS (stream text, expected bigint)) WITH ORDINALITY
                        AS t (stream, expected, n)) AS c) AS p;
    IF NOT all_plain THEN
        RAISE check_violation;
    END IF;

    -- An event that was told before is met by the key that is unique.
    WITH kept AS (
        INSERT INTO log.records AS kept (
               organisation, position, version, occurred_at, recorded_at, stream, source, id, type, precise_to, actor,
               body, leaf)
        SELECT for_organisation, head + t.n, versions[t.n], t.occurred_at, append_plain.recorded_at, t.stream, t.source,
               t.id, t.type, t.precise_to, t.actor, t.body,
               log.leaf(log.canonical(for_organisation, head + t.n, t.stream, versions[t.n], t.source, t.id, t.type,
                                      log.written(t.occurred_at, t.precise_to), now_text, t.actor, t.body))
          FROM ROWS FROM (jsonb_to_recordset(batch) AS (
                   stream text, source text, id text, type text, occurred_at timestamptz, precise_to text,
                   actor text, body text))
               WITH ORDINALITY
            AS t (stream, source, id, type, occurred_at, precise_to, actor, body, n)
        RETURNING kept.position, kept.leaf
    )
    SELECT string_agg(k.leaf, '' ORDER BY k.position)
      INTO leaves
      FROM kept AS k;
EXCEPTION WHEN unique_violation OR check_violation THEN  -- all that was done here is taken back with the block
    head := NULL; recorded_at := NULL; versions := NULL; leaves := NULL;
END
$$;


-- What is not plain: judges the items one after another, and appends those that may be. The answers are those of
-- `log.append`, in any order.
CREATE FUNCTION log.append_judged(for_organisation text, batch jsonb)
RETURNS TABLE (item bigint, outcome text, "position" bigint, version bigint, recorded_at timestamptz, leaf bytea)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET lock_timeout = '5s'
AS $$
#variable_conflict use_column
DECLARE
    told     bigint := jsonb_array_length(batch);
    head     bigint;
    now_at   timestamptz;
    now_text text;
    judged   record;
    added    bigint;
BEGIN
    UPDATE log.heads AS h
       SET position = h.position + told, recorded_at = greatest(clock_timestamp(), h.recorded_at)
     WHERE h.organisation = for_organisation
    RETURNING h.position - told, h.recorded_at INTO head, now_at;
    IF NOT FOUND THEN
        RAISE no_data_found USING MESSAGE = format('organisation %s has no log', for_organisation);
    END IF;
    now_text := log.written(now_at);

    judged := log.judge(for_organisation, batch, head);
    RETURN QUERY
    INSERT INTO log.records AS kept (
           organisation, position, version, occurred_at, recorded_at, stream, source, id, type, precise_to, actor, body, leaf)
    SELECT for_organisation, p.position, p.version, occurred_at, now_at, stream, source, id, type, precise_to, actor, body,
           log.leaf(log.canonical(for_organisation, p.position, stream, p.version, source, id, type,
                                  log.written(occurred_at, precise_to), now_text, actor, body))
      FROM (SELECT t.*, row_number() OVER () AS n
              FROM jsonb_to_recordset(batch) AS t (
                   stream text, source text, id text, type text, occurred_at timestamptz, precise_to text,
                   actor text, body text)) AS told,
           LATERAL (SELECT judged.positions[n] AS position, judged.versions[n] AS version) AS p
     WHERE judged.outcomes[n] = 'appended'
     ORDER BY n
    RETURNING array_position(judged.positions, kept.position)::bigint, 'appended', kept.position, kept.version,
              kept.recorded_at, kept.leaf;
    GET DIAGNOSTICS added = ROW_COUNT;

    RETURN QUERY
    SELECT j.n, j.outcome, j.position, j.version, r.recorded_at, r.leaf
      FROM unnest(judged.outcomes, judged.positions, judged.versions) WITH ORDINALITY AS j (outcome, position, version, n)
      LEFT JOIN LATERAL (
           SELECT r.recorded_at, r.leaf
             FROM log.records AS r
            WHERE (r.organisation, r.position) >= (for_organisation, j.position)
            ORDER BY r.organisation, r.position
            LIMIT 1
           ) AS r ON true
     WHERE j.outcome <> 'appended'
     ORDER BY j.n;

    IF added < told THEN  -- back to what was kept
        UPDATE log.heads AS h
           SET position = head + added
         WHERE h.organisation = for_organisation;
    END IF;
END
$$;


-- Appends a batch to an organisation's log and answers for each item, by its place in the batch (from 1):
--
--   appended       kept now: position, version, recorded_at, leaf
--   duplicate      kept before, the same in every respect: the first receipt again
--   conflict       another event was kept under this source and id: its receipt (none if that one is held back now)
--   wrong_version  the stream is not at the version expected: version says where it is
--   held_back      nothing is wrong with it, but its all-or-nothing request had a refused item
--
-- Raises no_data_found for an organisation that has no log. All outcomes hold once the transaction commits, and not before.
CREATE OR REPLACE FUNCTION log.append(for_organisation text, batch jsonb)
RETURNS TABLE (item bigint, outcome text, "position" bigint, version bigint, recorded_at timestamptz, leaf bytea)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '5s'
AS $$
#variable_conflict use_column
DECLARE
    plain record;
BEGIN
    SELECT p.head, p.recorded_at, p.versions, p.leaves INTO plain FROM log.append_plain(for_organisation, batch) AS p;
    IF plain.leaves IS NULL THEN
        RETURN QUERY
        SELECT j.item, j.outcome, j.position, j.version, j.recorded_at, j.leaf
          FROM log.append_judged(for_organisation, batch) AS j
         ORDER BY j.item;
        RETURN;
    END IF;
    RETURN QUERY
    SELECT k.n, 'appended', plain.head + k.n, k.version, plain.recorded_at, substr(plain.leaves, (32 * k.n - 31)::integer, 32)
      FROM unnest(plain.versions) WITH ORDINALITY AS k (version, n)
     ORDER BY k.n;
END
$$;


GRANT CREATE ON SCHEMA log TO qiledger_appender;  -- a function's owner must be able to create where it stands …
ALTER FUNCTION log.append_plain OWNER TO qiledger_appender;
ALTER FUNCTION log.append_judged OWNER TO qiledger_appender;
REVOKE CREATE ON SCHEMA log FROM qiledger_appender;  -- … for that moment only
REVOKE EXECUTE ON FUNCTION log.append_plain, log.append_judged FROM PUBLIC;
GRANT EXECUTE ON FUNCTION log.append_plain, log.append_judged TO qiledger_api;
