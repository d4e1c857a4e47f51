-- How messages are delivered: every attempt is written down before it is made and after, so that an auditor sees who was
-- told what and when, and what became of it.

ALTER TABLE notices.messages
    ADD COLUMN try_at      timestamptz,
    ADD COLUMN tries       integer NOT NULL DEFAULT 0,
    ADD COLUMN epoch       bigint  NOT NULL DEFAULT 0,
    ADD COLUMN lease_until timestamptz,
    ADD COLUMN ended_at    timestamptz,
    ADD COLUMN reason      text;

COMMENT ON COLUMN notices.messages.try_at      IS 'not before, after an attempt that failed';
COMMENT ON COLUMN notices.messages.tries       IS 'attempts that failed by the message''s own fault; too many, and it is dead';
COMMENT ON COLUMN notices.messages.epoch       IS 'fencing token: raised by whoever takes it up; only the last may say what became of it';
COMMENT ON COLUMN notices.messages.lease_until IS 'until when whoever took it up is left in peace, by the clock of this database';
COMMENT ON COLUMN notices.messages.reason      IS 'why it is dead or withdrawn; holds no address';

CREATE INDEX messages_to_try ON notices.messages (organisation, channel, (coalesce(try_at, due_at)), id)
    WHERE state = 'waiting';
CREATE INDEX messages_tried ON notices.messages (organisation, try_at) WHERE state = 'waiting' AND try_at IS NOT NULL;
CREATE INDEX messages_by_state ON notices.messages (organisation, state, made_at, id);


-- One row for each time that a message was handed to a channel. Without an outcome: nobody has heard the end of it (yet).
CREATE TABLE notices.attempts (
    organisation text        NOT NULL,
    message      text        NOT NULL,
    attempt      integer     NOT NULL CHECK (attempt > 0),
    epoch        bigint      NOT NULL,
    began_at     timestamptz NOT NULL,
    ended_at     timestamptz,
    outcome      text        CHECK (outcome IN ('sent', 'later', 'refused', 'unknown')),
    reason       text        CHECK (length(reason) <= 400),
    reference    text        CHECK (length(reference) <= 400),
    CONSTRAINT attempts_numbered PRIMARY KEY (organisation, message, attempt),
    CONSTRAINT attempts_end_somehow CHECK ((outcome IS NULL) = (ended_at IS NULL))
);

COMMENT ON TABLE  notices.attempts           IS 'Every attempt to deliver a message, written before it is made';
COMMENT ON COLUMN notices.attempts.outcome   IS 'NULL: it was begun, and its end was not heard of';
COMMENT ON COLUMN notices.attempts.reason    IS 'what the other side said; without addresses';
COMMENT ON COLUMN notices.attempts.reference IS 'what the other side calls it: Message-ID, or the id of the notification';


-- How each channel is: whether it rests after a failure that was nobody's in particular, and how fast it may go.
CREATE TABLE notices.channels (
    organisation text        NOT NULL,
    channel      text        NOT NULL CHECK (channel IN ('email', 'notify', 'chat', 'inbox')),
    failures     integer     NOT NULL DEFAULT 0,
    failing_from timestamptz,
    rests_until  timestamptz,
    reason       text        CHECK (length(reason) <= 400),
    paced_to     timestamptz,
    CONSTRAINT channels_one_each PRIMARY KEY (organisation, channel)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

COMMENT ON TABLE  notices.channels             IS 'Whether a channel works for an organisation';
COMMENT ON COLUMN notices.channels.failures    IS 'how often in a row it could not be reached';
COMMENT ON COLUMN notices.channels.rests_until IS 'nothing is tried before; messages wait and are not blamed for it';
COMMENT ON COLUMN notices.channels.paced_to    IS 'how far ahead its messages have come of the pace that is set';


-- What a person finds in the inbox of this house. A message is there once, however often it was delivered.
CREATE TABLE notices.inbox (
    organisation text        NOT NULL,
    id           text        NOT NULL,
    person       text        NOT NULL,
    subject      text        NOT NULL,
    body         text        NOT NULL,
    came_at      timestamptz NOT NULL,
    read_at      timestamptz,
    CONSTRAINT inbox_once PRIMARY KEY (organisation, id)
) WITH (fillfactor = 80);

CREATE INDEX inbox_of_person ON notices.inbox (organisation, person, came_at, id);
CREATE INDEX inbox_unread ON notices.inbox (organisation, person) WHERE read_at IS NULL;

COMMENT ON TABLE  notices.inbox    IS 'Messages by the channel inbox, as they were worded';
COMMENT ON COLUMN notices.inbox.id IS 'of the message';


ALTER TABLE notices.attempts OWNER TO qiledger_owner;
ALTER TABLE notices.channels OWNER TO qiledger_owner;
ALTER TABLE notices.inbox OWNER TO qiledger_owner;

GRANT SELECT, INSERT, UPDATE ON notices.attempts, notices.channels TO qiledger_worker;
GRANT SELECT, INSERT ON notices.inbox TO qiledger_worker;
GRANT SELECT ON notices.attempts, notices.channels, notices.inbox TO qiledger_api;
GRANT UPDATE (read_at) ON notices.inbox TO qiledger_api;
GRANT UPDATE (state, try_at, tries, ended_at, reason) ON notices.messages TO qiledger_api;
GRANT SELECT ON notices.attempts, notices.channels TO qiledger_auditor;

-- An organisation sees its own.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['attempts', 'channels', 'inbox'] LOOP
        EXECUTE format('ALTER TABLE notices.%I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format($policy$
            CREATE POLICY own_organisation ON notices.%I TO qiledger_api, qiledger_worker, qiledger_auditor
             USING (organisation = current_setting('qiledger.organisation', true))
              WITH CHECK (organisation = current_setting('qiledger.organisation', true))$policy$, name);
    END LOOP;
END
$$;
-- The sweep looks whose messages can go: not those of a channel that rests.
CREATE POLICY sweeping ON notices.channels FOR SELECT TO qiledger_worker USING (true);

-- An attempt that has ended stays as it was noted; none is removed.
CREATE FUNCTION notices.refuse_another_end() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF TG_OP <> 'UPDATE' THEN
        RAISE insufficient_privilege USING MESSAGE = 'attempts are kept: they say who was told what';
    END IF;
    IF OLD.outcome IS NOT NULL AND NOT (OLD.outcome = 'unknown' AND NEW.outcome = 'sent') THEN
        RAISE insufficient_privilege USING MESSAGE = format('the outcome of attempt %s of %s is on record', OLD.attempt, OLD.message);
    END IF;
    RETURN NEW;
END
$$;
ALTER FUNCTION notices.refuse_another_end OWNER TO qiledger_owner;
CREATE TRIGGER kept BEFORE UPDATE OR DELETE ON notices.attempts
    FOR EACH ROW EXECUTE FUNCTION notices.refuse_another_end();
