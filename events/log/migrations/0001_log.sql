-- The log: what happened, kept for ever, in one order per organisation.
--
-- Everything that must outlive the code stands here: the table of records, the one way to append to it, and the
-- guards that let nobody change or remove what was kept. `log.append` is the whole contract, readable in one place.

-- Roles. They belong to the cluster, not to this database, so another database may have made them already.
--   owner     owns the objects; nobody logs in as it
--   appender  the only role that may write a record; it exists to own `log.append`
--   api       may append and read          worker   may read records and keep projections
--   report    may read                     auditor  may read
DO $$
DECLARE
    role text;
BEGIN
    FOREACH role IN ARRAY ARRAY['qiledger_owner', 'qiledger_appender', 'qiledger_api', 'qiledger_worker',
                                'qiledger_report', 'qiledger_auditor'] LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', role);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;  -- made by a neighbour, perhaps at this very moment
        END;
    END LOOP;
END
$$;

DO $$
BEGIN
    -- Without this, anybody who may connect may make temporary tables that hide the real ones.
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO qiledger_api, qiledger_worker, qiledger_report, qiledger_auditor',
                   current_database());
END
$$;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;

CREATE SCHEMA log;
GRANT USAGE ON SCHEMA log TO qiledger_appender, qiledger_api, qiledger_worker, qiledger_report, qiledger_auditor;


-- One row an organisation: its name, and how far its log has come. Locking this row is what puts appends in order.
CREATE TABLE log.heads (
    organisation text        NOT NULL PRIMARY KEY CHECK (organisation ~ '^[A-Z0-9]{2,10}$'),
    position     bigint      NOT NULL DEFAULT 0 CHECK (position >= 0),
    recorded_at  timestamptz NOT NULL DEFAULT '-infinity',
    name         text        NOT NULL CHECK (name <> '')
) WITH (fillfactor = 20);

COMMENT ON TABLE log.heads IS 'How far the log of each organisation has come. Position = number of records.';


CREATE TABLE log.records (
    organisation text        NOT NULL,
    position     bigint      NOT NULL CHECK (position > 0),
    version      bigint      NOT NULL CHECK (version > 0),
    occurred_at  timestamptz NOT NULL,
    recorded_at  timestamptz NOT NULL,
    stream       text        NOT NULL CHECK (stream <> ''),
    source       text        NOT NULL CHECK (source <> ''),
    id           text        NOT NULL CHECK (id <> ''),
    type         text        NOT NULL CHECK (type <> ''),
    precise_to    text        NOT NULL CHECK (precise_to IN ('instant', 'day', 'month', 'year')),
    actor        text        NOT NULL CHECK (actor <> ''),
    body         text        NOT NULL,
    leaf         bytea       NOT NULL,
    CONSTRAINT records_in_order  PRIMARY KEY (organisation, position),
    CONSTRAINT records_in_stream UNIQUE (organisation, stream, version),
    CONSTRAINT records_once      UNIQUE (organisation, source, id)
);

COMMENT ON TABLE  log.records             IS 'Improvement events as kept. Nothing here is ever changed or removed.';
COMMENT ON COLUMN log.records.position    IS '1, 2, 3 … per organisation, without gaps; commit order is position order';
COMMENT ON COLUMN log.records.version     IS '1, 2, 3 … per stream, without gaps';
COMMENT ON COLUMN log.records.occurred_at IS 'when it happened; the start of the day, month or year when that is all that is known';
COMMENT ON COLUMN log.records.precise_to   IS 'how exactly occurred_at is known';
COMMENT ON COLUMN log.records.recorded_at IS 'when it was kept, by the clock of this database; never earlier than the record before';
COMMENT ON COLUMN log.records.body        IS 'the exact canonical JSON bytes of the event';
COMMENT ON COLUMN log.records.leaf        IS 'SHA-256 of a zero byte and the canonical record (RFC 9162, section 2.1.1)';


-- An instant, day, month or year as written: 2022-05-20T09:30:00.000000Z, 2022-05-20, 2022-05 or 2022.
CREATE FUNCTION log.written(moment timestamptz, precise_to text DEFAULT 'instant') RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN to_char(
    moment AT TIME ZONE 'UTC',
    CASE precise_to WHEN 'instant' THEN 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'
                   WHEN 'day'     THEN 'YYYY-MM-DD'
                   WHEN 'month'   THEN 'YYYY-MM'
                   ELSE                'YYYY'
    END);


-- The canonical record: one line of JSON, members in this order, no white space, as it stands in an export.
-- Only `"` and `\` can need escaping: control characters are refused at the door.
CREATE FUNCTION log.canonical(
    organisation text, "position" bigint, stream text, version bigint, source text, id text, type text,
    occurred text, recorded text, actor text, body text
) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN '{"organisation":"' || organisation
    || '","position":'     || "position"
    || ',"stream":'        || to_json(stream)
    || ',"version":'       || version
    || ',"source":'        || to_json(source)
    || ',"id":'            || to_json(id)
    || ',"type":"'         || type
    || '","occurred":"'    || occurred
    || '","recorded":"'    || recorded
    || '","actor":'        || to_json(actor)
    || ',"body":'          || body
    || '}';


-- RFC 9162, section 2.1.1: the hash of a leaf. (STABLE, as convert_to is: only so is it inlined, which is worth 10 µs a record.)
CREATE FUNCTION log.leaf(canonical text) RETURNS bytea
LANGUAGE sql STABLE PARALLEL SAFE
RETURN sha256('\x00'::bytea || convert_to(canonical, 'UTF8'));


-- What makes two events under one source and id the same event. When it was told, and by which request, does not count.
CREATE FUNCTION log.content(
    stream text, type text, occurred_at timestamptz, precise_to text, actor text, body text
) RETURNS bytea
LANGUAGE sql STABLE PARALLEL SAFE
RETURN sha256(convert_to(json_build_array(stream, type, log.written(occurred_at, precise_to), actor, body)::text, 'UTF8'));
