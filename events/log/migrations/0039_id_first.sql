-- What makes an event one that was told before is looked for by its id first, and by its source then.
--
-- A log has few sources and an id for each event. With the source in front every step of a search compared it in full
-- before it came to what differs, and the upper pages of the index repeated it; to add a row to a log of two million cost a
-- fifth to a quarter more (docs/decisions/0025-id-before-source.md). The promise is the same: one event for a source and id.
--
-- Appending waits while the index is built, about three seconds for a million records; whoever waits too long hears
-- that the log is busy, and asks again. Reading goes on.

CREATE UNIQUE INDEX records_once_by_id ON log.records (organisation, id, source);
ALTER TABLE log.records DROP CONSTRAINT records_once;
ALTER TABLE log.records ADD CONSTRAINT records_once UNIQUE USING INDEX records_once_by_id;


-- Judges the items one after another, each in the light of those before it. Changes nothing.
CREATE OR REPLACE FUNCTION log.judge(
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
                WHERE (r.organisation, r.id, r.source) >= (for_organisation, told.id, told.source)
                ORDER BY r.organisation, r.id, r.source
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
