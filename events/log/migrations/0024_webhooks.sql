-- Webhooks: where the records of an organisation are sent, how far each endpoint has come, and every attempt.
--
-- The log is the outbox. An endpoint has a place in it, and whoever sends moves that place in the transaction that notes the
-- attempt, and only under the epoch of its claim. So what is sent is sent in order and nothing is passed over; and what is
-- sent twice was on its way when somebody died. None of this belongs to the log: an export does not hold it.

CREATE SCHEMA webhooks;


CREATE TABLE webhooks.endpoints (
    organisation text        NOT NULL,
    id           text        NOT NULL CHECK (id ~ '^we_[A-Za-z0-9]{16}$'),
    url          text        NOT NULL CHECK (char_length(url) <= 2000),
    description  text        NOT NULL CHECK (char_length(description) <= 500),
    owner        text        CHECK (owner ~ '^person/[A-Za-z0-9_-]{1,64}$'),
    types        text[]      NOT NULL CHECK (cardinality(types) <= 50),
    ordering     text        NOT NULL CHECK (ordering IN ('strict', 'stream')),
    state        text        NOT NULL DEFAULT 'enabled' CHECK (state IN ('enabled', 'paused', 'disabled')),
    reason       text,
    client       text        NOT NULL,
    made_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    changed_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT endpoints_named PRIMARY KEY (organisation, id)
);

COMMENT ON TABLE  webhooks.endpoints          IS 'Where records are sent, which, in what order';
COMMENT ON COLUMN webhooks.endpoints.owner    IS 'who hears when it is disabled: an opaque reference';
COMMENT ON COLUMN webhooks.endpoints.types    IS 'cycle.tested, or cycle.* for all that begin so; none is all';
COMMENT ON COLUMN webhooks.endpoints.ordering IS 'strict: each waits for the one before; stream: each waits for the one before of its stream';
COMMENT ON COLUMN webhooks.endpoints.reason   IS 'why it was disabled';
COMMENT ON COLUMN webhooks.endpoints.client   IS 'whose key made it';


-- How far an endpoint has come. Narrow and nowhere else indexed: every delivery updates a row.
-- Waits and leases are lengths from a moment that was noted: a clock that jumps back makes them end, not last for days.
CREATE TABLE webhooks.cursors (
    organisation  text        NOT NULL,
    endpoint      text        NOT NULL,
    position      bigint      NOT NULL CHECK (position >= 0),
    epoch         bigint      NOT NULL DEFAULT 0,
    holder        bigint,
    claimed_at    timestamptz,
    served_at     timestamptz,
    slow          boolean     NOT NULL DEFAULT false,
    failures      integer     NOT NULL DEFAULT 0 CHECK (failures >= 0),
    failing_since timestamptz,
    tried_at      timestamptz,
    waits         interval    NOT NULL DEFAULT '0',
    CONSTRAINT cursors_one_each PRIMARY KEY (organisation, endpoint),
    CONSTRAINT cursors_of_endpoint FOREIGN KEY (organisation, endpoint)
        REFERENCES webhooks.endpoints (organisation, id) ON DELETE CASCADE
) WITH (fillfactor = 20, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

COMMENT ON TABLE  webhooks.cursors               IS 'Every record up to the position was delivered, or is of no concern, or waits in webhooks.waiting';
COMMENT ON COLUMN webhooks.cursors.epoch         IS 'fencing token: raised by every claim, and by whoever moves the cursor by hand';
COMMENT ON COLUMN webhooks.cursors.holder        IS 'the advisory lock that the claimant holds as long as it lives';
COMMENT ON COLUMN webhooks.cursors.slow          IS 'whether it took long to answer, or failed, the last time';
COMMENT ON COLUMN webhooks.cursors.failures      IS 'attempts in a row that failed';
COMMENT ON COLUMN webhooks.cursors.tried_at      IS 'after an attempt that nobody answered: nothing is sent until `waits` later';


-- The first record of a stream that could not be delivered; the later ones of that stream wait behind it. Where the order
-- is strict all are of one lane, whose name is empty.
CREATE TABLE webhooks.waiting (
    organisation text        NOT NULL,
    endpoint     text        NOT NULL,
    lane         text        NOT NULL,
    position     bigint      NOT NULL,
    tries        integer     NOT NULL CHECK (tries >= 0),
    since        timestamptz NOT NULL DEFAULT clock_timestamp(),
    tried_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    waits        interval    NOT NULL,
    given_up     boolean     NOT NULL DEFAULT false,
    CONSTRAINT waiting_one_a_lane PRIMARY KEY (organisation, endpoint, lane),
    CONSTRAINT waiting_of_endpoint FOREIGN KEY (organisation, endpoint)
        REFERENCES webhooks.endpoints (organisation, id) ON DELETE CASCADE
) WITH (fillfactor = 70);

COMMENT ON TABLE  webhooks.waiting          IS 'What could not be delivered yet, and when it is tried again';
COMMENT ON COLUMN webhooks.waiting.given_up IS 'somebody asked that it be passed over';


-- What an endpoint's signatures are made with. After a rotation the old one signs beside the new one for a day.
CREATE TABLE webhooks.secrets (
    organisation text        NOT NULL,
    endpoint     text        NOT NULL,
    number       integer     NOT NULL CHECK (number > 0),
    master       text        NOT NULL,
    secret       bytea       NOT NULL,
    seed         bytea       NOT NULL,
    public_key   bytea       NOT NULL,
    made_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    ends_at      timestamptz,
    CONSTRAINT secrets_numbered PRIMARY KEY (organisation, endpoint, number),
    CONSTRAINT secrets_of_endpoint FOREIGN KEY (organisation, endpoint)
        REFERENCES webhooks.endpoints (organisation, id) ON DELETE CASCADE
);

COMMENT ON TABLE  webhooks.secrets        IS 'Signing secrets, encrypted with a master key that is in no database';
COMMENT ON COLUMN webhooks.secrets.master IS 'which master key';
COMMENT ON COLUMN webhooks.secrets.secret IS 'of HMAC-SHA256 (v1)';
COMMENT ON COLUMN webhooks.secrets.seed   IS 'of Ed25519 (v1a)';


-- Every attempt, for as many days as it is kept.
CREATE TABLE webhooks.attempts (
    organisation text        NOT NULL,
    endpoint     text        NOT NULL,
    number       bigint      NOT NULL GENERATED ALWAYS AS IDENTITY,
    message      text        NOT NULL,
    position     bigint,
    type         text        NOT NULL,
    try          integer     NOT NULL,
    began_at     timestamptz NOT NULL,
    ms           integer     NOT NULL,
    outcome      text        NOT NULL CHECK (outcome IN ('delivered', 'failed', 'throttled', 'gone', 'unreachable', 'forbidden', 'given_up')),
    status       integer,
    said         text        NOT NULL,
    CONSTRAINT attempts_numbered PRIMARY KEY (organisation, endpoint, number),
    CONSTRAINT attempts_of_endpoint FOREIGN KEY (organisation, endpoint)
        REFERENCES webhooks.endpoints (organisation, id) ON DELETE CASCADE
);

CREATE INDEX attempts_by_time ON webhooks.attempts (began_at);

COMMENT ON TABLE  webhooks.attempts          IS 'The delivery log: what was sent when, and what was answered';
COMMENT ON COLUMN webhooks.attempts.message  IS 'the webhook-id: the same for every attempt at the same record';
COMMENT ON COLUMN webhooks.attempts.position IS 'of the record; none for a test';
COMMENT ON COLUMN webhooks.attempts.said     IS 'the first bytes of the answer, or why there was none';


-- Tests that were asked for: sent as soon as somebody sends, whatever the order and however the endpoint stands.
CREATE TABLE webhooks.tests (
    organisation text        NOT NULL,
    endpoint     text        NOT NULL,
    message      text        NOT NULL,
    asked_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT tests_named PRIMARY KEY (organisation, endpoint, message),
    CONSTRAINT tests_of_endpoint FOREIGN KEY (organisation, endpoint)
        REFERENCES webhooks.endpoints (organisation, id) ON DELETE CASCADE
);

COMMENT ON TABLE webhooks.tests IS 'Test events that were asked for and have not been sent';


-- Whether a length of time that began at a moment lasts still. Not, if the clock has gone back behind that moment.
CREATE FUNCTION webhooks.lasts(began timestamptz, length interval) RETURNS boolean
LANGUAGE sql VOLATILE PARALLEL SAFE
RETURN began IS NOT NULL AND clock_timestamp() >= began AND clock_timestamp() < began + length;

-- Whether somebody sends to an endpoint: not, if the claim is older than a minute, or if the claimant is gone. Every sender
-- holds an advisory lock of its own (of the room 0x717768) for as long as its connection lives.
CREATE FUNCTION webhooks.is_held(holder bigint, claimed_at timestamptz) RETURNS boolean
LANGUAGE sql VOLATILE
RETURN holder IS NOT NULL AND webhooks.lasts(claimed_at, interval '60 seconds')
   AND EXISTS (SELECT FROM pg_catalog.pg_locks AS l
                WHERE l.locktype = 'advisory' AND l.classid = 7436136 AND l.objid::bigint = holder AND l.objsubid = 2
                  AND l.database = (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = current_database()));

-- Whether an endpoint that wants these types wants one of this type.
CREATE FUNCTION webhooks.wants(types text[], type text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN cardinality(types) = 0 OR type = ANY (types)
    OR EXISTS (SELECT FROM unnest(types) AS wanted WHERE right(wanted, 1) = '*' AND starts_with(type, rtrim(wanted, '*')));


ALTER SCHEMA webhooks OWNER TO qiledger_owner;
ALTER TABLE webhooks.endpoints OWNER TO qiledger_owner;
ALTER TABLE webhooks.cursors OWNER TO qiledger_owner;
ALTER TABLE webhooks.waiting OWNER TO qiledger_owner;
ALTER TABLE webhooks.secrets OWNER TO qiledger_owner;
ALTER TABLE webhooks.attempts OWNER TO qiledger_owner;
ALTER TABLE webhooks.tests OWNER TO qiledger_owner;
ALTER FUNCTION webhooks.lasts OWNER TO qiledger_owner;
ALTER FUNCTION webhooks.is_held OWNER TO qiledger_owner;
ALTER FUNCTION webhooks.wants OWNER TO qiledger_owner;

-- The API makes endpoints and can never read a secret again; the workers send, and can make no endpoint.
GRANT USAGE ON SCHEMA webhooks TO qiledger_api, qiledger_worker;
GRANT EXECUTE ON FUNCTION webhooks.lasts TO qiledger_api, qiledger_worker;
GRANT EXECUTE ON FUNCTION webhooks.is_held, webhooks.wants TO qiledger_worker;
GRANT SELECT, INSERT, DELETE ON webhooks.endpoints TO qiledger_api;
GRANT UPDATE (url, description, owner, types, ordering, state, reason, changed_at) ON webhooks.endpoints TO qiledger_api;
GRANT SELECT, INSERT, UPDATE ON webhooks.cursors TO qiledger_api;
GRANT SELECT, UPDATE, DELETE ON webhooks.waiting TO qiledger_api;
GRANT SELECT (organisation, endpoint, number, master, public_key, made_at, ends_at), INSERT, UPDATE (ends_at), DELETE
   ON webhooks.secrets TO qiledger_api;
GRANT SELECT ON webhooks.attempts TO qiledger_api;
GRANT SELECT, INSERT ON webhooks.tests TO qiledger_api;
GRANT SELECT, UPDATE (state, reason, changed_at) ON webhooks.endpoints TO qiledger_worker;
GRANT SELECT, UPDATE ON webhooks.cursors TO qiledger_worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON webhooks.waiting TO qiledger_worker;
GRANT SELECT, UPDATE (master, secret, seed), DELETE ON webhooks.secrets TO qiledger_worker;
GRANT SELECT, INSERT, DELETE ON webhooks.attempts TO qiledger_worker;
GRANT SELECT, DELETE ON webhooks.tests TO qiledger_worker;

-- An organisation sees its own; those who send, send for all.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['endpoints', 'cursors', 'waiting', 'secrets', 'attempts', 'tests'] LOOP
        EXECUTE format('ALTER TABLE webhooks.%I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY sending ON webhooks.%I TO qiledger_worker USING (true) WITH CHECK (true)', name);
        EXECUTE format($policy$
            CREATE POLICY own_organisation ON webhooks.%I TO qiledger_api
             USING (organisation = current_setting('qiledger.organisation', true))
              WITH CHECK (organisation = current_setting('qiledger.organisation', true))$policy$, name);
    END LOOP;
END
$$;
