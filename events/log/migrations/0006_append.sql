-- `log.append` again, the same promises: the plain case no longer asks whether an event was told before.
--
-- The unique key on (organisation, source, id) answers that while the row is added, for nothing. If it says no, what was
-- added is taken back and the batch is judged item by item, as before. Being asked first cost a third of the time under the
-- head lock (docs/decisions/0005-append-once.md), and almost every event is new.

-- Appends a batch to an organisation's log and answers for each item, by its place in the batch (from 1):
--
--   appended       kept now: position, version, recorded_at, leaf
--   duplicate      kept before, the same in every respect: the first receipt again
--   conflict       another event was kept under this source and id: its receipt (none if that one is held back now)
--   wrong_version  the stream is not at the version expected: version says where it is
--   held_back      nothing is wrong with it, but its all-or-nothing request had a refused item
--
-- Raises no_data_found for an organisation that has no log. All outcomes hold once the transaction commits, and not before.
-- What an item holds, and why plans are pinned, is said at the head of 0002_append.sql.
CREATE OR REPLACE FUNCTION log.append(for_organisation text, batch jsonb)
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
    versions bigint[];  -- of the items kept in the plain case, in order …
    leaves   bytea[];   -- … and their leaves
    judged   record;
    added    bigint;
BEGIN
    -- From here to the commit this organisation's log is ours alone. The head moves for all items at once.
    UPDATE log.heads AS h
       SET position = h.position + told, recorded_at = greatest(clock_timestamp(), h.recorded_at)
     WHERE h.organisation = for_organisation
    RETURNING h.position - told, h.recorded_at INTO head, now_at;
    IF NOT FOUND THEN
        RAISE no_data_found USING MESSAGE = format('organisation %s has no log', for_organisation);
    END IF;
    now_text := log.written(now_at);

    -- The plain case, in one statement: every item new, no version missed. One that is not plain stops all of it: a
    -- version before anything is added, and a source and id told before by the key that is unique. The answers go
    -- through arrays because rows that are returned stay returned, even if the block then fails.
    BEGIN
        WITH told AS (
            SELECT t.*, row_number() OVER () AS n
              FROM jsonb_to_recordset(batch) AS t (
                   stream text, source text, id text, type text, occurred_at timestamptz, precise_to text,
                   actor text, body text, expected bigint)
        ), counted AS (
            SELECT told.*, row_number() OVER (PARTITION BY stream ORDER BY n) AS in_stream
              FROM told
        ), placed AS (
            SELECT counted.*,
                   in_stream + coalesce(max(CASE WHEN in_stream = 1 THEN (  -- once a stream, not once an item
                        SELECT r.version
                          FROM log.records AS r
                         WHERE r.organisation = for_organisation AND r.stream = counted.stream
                         ORDER BY r.version DESC
                         LIMIT 1) END) OVER (PARTITION BY stream ORDER BY n), 0) AS version
              FROM counted
        ), plain AS (
            SELECT placed.*, bool_and(coalesce(expected = version - 1, true)) OVER () AS all_plain
              FROM placed
        ), kept AS (
            INSERT INTO log.records AS kept (
                   organisation, position, version, occurred_at, recorded_at, stream, source, id, type, precise_to, actor,
                   body, leaf)
            SELECT for_organisation, head + n, version, occurred_at, now_at, stream, source, id, type, precise_to, actor, body,
                   log.leaf(log.canonical(for_organisation, head + n, stream, version, source, id, type,
                                          log.written(occurred_at, precise_to), now_text, actor, body))
              FROM plain
             WHERE all_plain
             ORDER BY n
            RETURNING kept.position, kept.version, kept.leaf
        )
        SELECT count(*), array_agg(k.version ORDER BY k.position), array_agg(k.leaf ORDER BY k.position)
          INTO added, versions, leaves
          FROM kept AS k;
    EXCEPTION WHEN unique_violation THEN
        added := 0;
    END;

    IF added > 0 THEN
        RETURN QUERY
        SELECT k.n, 'appended', head + k.n, k.version, now_at, k.leaf
          FROM unnest(versions, leaves) WITH ORDINALITY AS k (version, leaf, n);
        RETURN;
    END IF;

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
