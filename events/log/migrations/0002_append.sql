-- `log.append`: the one way a record comes to be.
--
-- A batch is a jsonb array of items: stream, source, id, type, occurred_at, precise_to, actor, body (the canonical JSON as
-- a string), and optionally expected (the version the stream must be at), bundle (which request of the batch the item
-- came in) and whole (that request is all-or-nothing; otherwise each item stands for itself).
--
-- Plans are pinned. A plan made while the table is empty is kept, and to a planner all indexes of an empty table look
-- alike: "organisation = … AND source = … AND id = …" may run for ever through the index of streams. So scans of the
-- whole table are off, and that look-up asks for the first row at or after a place in the order of the one index that
-- it means, and then looks whether it is the row: through any other index it would have to sort. (With an upper end to
-- the range the planner takes it for one row again, and sorts.)

-- Judges the items one after another, each in the light of those before it. Changes nothing.
CREATE FUNCTION log.judge(
    for_organisation text, batch jsonb, head bigint,
    OUT outcomes text[], OUT positions bigint[], OUT versions bigint[]
)
LANGUAGE plpgsql STABLE
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
DECLARE
    item         record;
    twin         bigint;            -- the item of this batch that was kept under the same source and id
    broken       boolean := false;  -- this request is all-or-nothing, and an item of it was refused
    began        bigint := 1;       -- first item of this request …
    began_at     bigint := head;    -- … the head before it …
    began_tops   bigint[] := '{}';  -- … and the stream versions before it, to go back to
    tops         bigint[] := '{}';  -- version of each stream so far, by the stream's rank
    kept         bigint[] := '{}';  -- which item was kept for each source and id, by their rank
    kept_content bytea[] := '{}';
    next         bigint := head;
BEGIN
    FOR item IN
        SELECT told.n, told.expected, told.content, coalesce(told.whole, false) AS whole,
               lead(told.bundle) OVER (ORDER BY told.n) IS DISTINCT FROM told.bundle AS closes,
               dense_rank() OVER (ORDER BY told.stream) AS stream_rank,
               dense_rank() OVER (ORDER BY told.source, told.id) AS key_rank,
               coalesce(top.version, 0) AS top,
               earlier.position AS earlier_position, earlier.version AS earlier_version,
               earlier.content = told.content AS like_earlier
          FROM (SELECT row_number() OVER () AS n, t.*,
                       log.content(t.stream, t.type, t.occurred_at, t.precise_to, t.actor, t.body) AS content
                  FROM jsonb_to_recordset(batch) AS t (
                       stream text, source text, id text, type text, occurred_at timestamptz, precise_to text,
                       actor text, body text, expected bigint, bundle bigint, whole boolean)) AS told
          LEFT JOIN LATERAL (
               SELECT r.organisation, r.source, r.id, r.position, r.version,
                      log.content(r.stream, r.type, r.occurred_at, r.precise_to, r.actor, r.body) AS content
                 FROM log.records AS r
                WHERE (r.organisation, r.source, r.id) >= (for_organisation, told.source, told.id)
                ORDER BY r.organisation, r.source, r.id
                LIMIT 1
               ) AS earlier ON (earlier.organisation, earlier.source, earlier.id) = (for_organisation, told.source, told.id)
          LEFT JOIN LATERAL (
               SELECT r.version
                 FROM log.records AS r
                WHERE r.organisation = for_organisation AND r.stream = told.stream
                ORDER BY r.version DESC
                LIMIT 1
               ) AS top ON true
         ORDER BY told.n
    LOOP
        tops[item.stream_rank] := coalesce(tops[item.stream_rank], item.top);
        twin := kept[item.key_rank];
        IF outcomes[twin] IS DISTINCT FROM 'appended' THEN
            twin := NULL;  -- held back with the rest of its request
        END IF;

        IF item.earlier_position IS NOT NULL THEN
            outcomes[item.n] := CASE WHEN item.like_earlier THEN 'duplicate' ELSE 'conflict' END;
            positions[item.n] := item.earlier_position;
            versions[item.n] := item.earlier_version;
        ELSIF twin IS NOT NULL THEN
            outcomes[item.n] := CASE WHEN kept_content[item.key_rank] = item.content THEN 'duplicate' ELSE 'conflict' END;
            positions[item.n] := positions[twin];
            versions[item.n] := versions[twin];
        ELSIF item.expected <> tops[item.stream_rank] THEN
            outcomes[item.n] := 'wrong_version';
            positions[item.n] := NULL;
            versions[item.n] := tops[item.stream_rank];
        ELSE
            next := next + 1;
            tops[item.stream_rank] := tops[item.stream_rank] + 1;
            kept[item.key_rank] := item.n;
            kept_content[item.key_rank] := item.content;
            outcomes[item.n] := 'appended';
            positions[item.n] := next;
            versions[item.n] := tops[item.stream_rank];
        END IF;

        broken := broken OR (item.whole AND outcomes[item.n] IN ('conflict', 'wrong_version'));
        IF item.closes THEN
            IF broken THEN
                FOR i IN began .. item.n LOOP
                    IF positions[i] > began_at THEN  -- appended, or the twin of one that was
                        IF outcomes[i] <> 'conflict' THEN
                            outcomes[i] := 'held_back';
                        END IF;
                        positions[i] := NULL;
                        versions[i] := NULL;
                    END IF;
                END LOOP;
                next := began_at;
                tops := began_tops;
            END IF;
            broken := false;
            began := item.n + 1;
            began_at := next;
            began_tops := tops;
        END IF;
    END LOOP;
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
CREATE FUNCTION log.append(for_organisation text, batch jsonb)
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
    -- From here to the commit this organisation's log is ours alone. The head moves for all items at once.
    UPDATE log.heads AS h
       SET position = h.position + told, recorded_at = greatest(clock_timestamp(), h.recorded_at)
     WHERE h.organisation = for_organisation
    RETURNING h.position - told, h.recorded_at INTO head, now_at;
    IF NOT FOUND THEN
        RAISE no_data_found USING MESSAGE = format('organisation %s has no log', for_organisation);
    END IF;
    now_text := log.written(now_at);

    -- The plain case, in one statement: every item new, no version missed. One that is not plain stops all of it.
    RETURN QUERY
    WITH told AS (
        SELECT t.*, row_number() OVER () AS n
          FROM jsonb_to_recordset(batch) AS t (
               stream text, source text, id text, type text, occurred_at timestamptz, precise_to text,
               actor text, body text, expected bigint)
    ), counted AS (
        SELECT told.*,
               row_number() OVER (PARTITION BY source, id) = 1 AS is_first,
               row_number() OVER (PARTITION BY stream ORDER BY n) AS in_stream
          FROM told
    ), looked_up AS (
        SELECT counted.*,
               CASE WHEN in_stream = 1 THEN (  -- once a stream, not once an item
                    SELECT r.version
                      FROM log.records AS r
                     WHERE r.organisation = for_organisation AND r.stream = counted.stream
                     ORDER BY r.version DESC
                     LIMIT 1) END AS top,
               is_first AND (
                    SELECT r.organisation = for_organisation AND r.source = counted.source AND r.id = counted.id
                      FROM log.records AS r
                     WHERE (r.organisation, r.source, r.id) >= (for_organisation, counted.source, counted.id)
                     ORDER BY r.organisation, r.source, r.id
                     LIMIT 1
               ) IS NOT TRUE AS is_new
          FROM counted
    ), placed AS (
        SELECT looked_up.*,
               coalesce(max(top) OVER (PARTITION BY stream ORDER BY n), 0) + in_stream AS version
          FROM looked_up
    ), plain AS (
        SELECT placed.*, bool_and(is_new AND coalesce(expected = version - 1, true)) OVER () AS all_plain
          FROM placed
    )
    INSERT INTO log.records AS kept (
           organisation, position, version, occurred_at, recorded_at, stream, source, id, type, precise_to, actor, body, leaf)
    SELECT for_organisation, head + n, version, occurred_at, now_at, stream, source, id, type, precise_to, actor, body,
           log.leaf(log.canonical(for_organisation, head + n, stream, version, source, id, type,
                                  log.written(occurred_at, precise_to), now_text, actor, body))
      FROM plain
     WHERE all_plain
     ORDER BY n
    RETURNING kept.position - head, 'appended', kept.position, kept.version, kept.recorded_at, kept.leaf;
    GET DIAGNOSTICS added = ROW_COUNT;

    IF added = 0 THEN
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
    END IF;

    IF added < told THEN  -- back to what was kept
        UPDATE log.heads AS h
           SET position = head + added
         WHERE h.organisation = for_organisation;
    END IF;
END
$$;
