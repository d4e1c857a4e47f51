-- Who was told what, when and why; what people want to be told; and the messages in which they are told it.
--
-- None of this is made from the log again: a notice is something that happened at this installation, once. So it stands
-- outside the log and its projections, and neither a rebuild nor an export that is loaded ever touches it.

CREATE SCHEMA notices;


-- How far an organisation's log has been gone through for facts that somebody should hear of. Whoever makes notices moves
-- this row in the same transaction, and only if position and epoch are still the ones it knows.
CREATE TABLE notices.checkpoints (
    organisation text        NOT NULL PRIMARY KEY,
    position     bigint      NOT NULL CHECK (position >= 0),
    epoch        bigint      NOT NULL DEFAULT 0,
    people_known boolean     NOT NULL DEFAULT false,
    looked_at    timestamptz NOT NULL,
    quiet_from   timestamptz,
    quiet_until  timestamptz,
    planned_at   timestamptz,
    CHECK ((quiet_from IS NULL) = (quiet_until IS NULL))
) WITH (fillfactor = 50);

COMMENT ON TABLE  notices.checkpoints              IS 'How far the facts of a log have been gone through, and when its rows were last looked at';
COMMENT ON COLUMN notices.checkpoints.epoch        IS 'fencing token: raised by every batch';
COMMENT ON COLUMN notices.checkpoints.people_known IS 'whether notices.people has been filled up to the position';
COMMENT ON COLUMN notices.checkpoints.looked_at    IS 'the moment up to which it was looked for what is overdue';
COMMENT ON COLUMN notices.checkpoints.quiet_from   IS 'what became overdue while nobody looked for weeks, or a clock jumped, is told to nobody: from …';
COMMENT ON COLUMN notices.checkpoints.quiet_until  IS '… until';
COMMENT ON COLUMN notices.checkpoints.planned_at   IS 'when messages were last planned';


-- When each rule began to speak. What is older tells nobody.
CREATE TABLE notices.rules (
    organisation text        NOT NULL,
    rule         text        NOT NULL CHECK (rule ~ '^[a-z][a-z0-9_]{0,39}$'),
    since        timestamptz NOT NULL,
    position     bigint      NOT NULL CHECK (position >= 0),
    CONSTRAINT rules_one_each PRIMARY KEY (organisation, rule)
);

COMMENT ON TABLE  notices.rules          IS 'Since when a rule speaks for an organisation';
COMMENT ON COLUMN notices.rules.position IS 'the head that it found: the rule is silent about records up to here';


-- What a rule could not make of a record: it is noted here, and the others go on.
CREATE TABLE notices.unsaid (
    organisation text        NOT NULL,
    rule         text        NOT NULL,
    position     bigint      NOT NULL,
    error        text        NOT NULL,
    since        timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT unsaid_once PRIMARY KEY (organisation, rule, position)
);

COMMENT ON TABLE notices.unsaid IS 'Records that a rule could not judge; position 0 stands for a look at rows. Operators see them';


-- History was told of these: what had become overdue by then tells nobody.
CREATE TABLE notices.histories (
    organisation text        NOT NULL,
    subject      text        NOT NULL,
    told_until   timestamptz NOT NULL,
    CONSTRAINT histories_one_each PRIMARY KEY (organisation, subject)
);

COMMENT ON TABLE notices.histories IS 'When something long past was last told of a stream';


-- Who does what for improvement in the organisation, as of the checkpoint's position.
CREATE TABLE notices.people (
    organisation text   NOT NULL,
    person       text   NOT NULL,
    roles        text[] NOT NULL,
    directorate  text,
    CONSTRAINT people_one_each PRIMARY KEY (organisation, person)
);

COMMENT ON TABLE notices.people IS 'The platform roles of people who have one: to find whom to tell. References only';


-- What somebody should be told. Made once, whatever is replayed, rebuilt or told again.
CREATE TABLE notices.notices (
    organisation text        NOT NULL,
    id           text        NOT NULL CHECK (id ~ '^[A-Za-z0-9_-]{16,64}$'),
    rule         text        NOT NULL,
    subject      text        NOT NULL,
    "window"     text        NOT NULL,
    recipient    text        NOT NULL CHECK (recipient ~ '^person/[A-Za-z0-9_-]{1,64}$'),
    urgency      text        NOT NULL CHECK (urgency IN ('at_once', 'daily', 'weekly', 'monthly')),
    action       boolean     NOT NULL DEFAULT false,
    title        text        NOT NULL,
    why          text        NOT NULL,
    link         text        NOT NULL,
    facts        jsonb       NOT NULL DEFAULT '{}',
    position     bigint,
    made_at      timestamptz NOT NULL,
    cleared_at   timestamptz,
    undecided    boolean     NOT NULL DEFAULT true,
    CONSTRAINT notices_named PRIMARY KEY (organisation, id),
    CONSTRAINT notices_once UNIQUE (organisation, rule, subject, "window", recipient)
) WITH (fillfactor = 80);

CREATE INDEX notices_of_recipient ON notices.notices (organisation, recipient, made_at);
CREATE INDEX notices_by_time ON notices.notices (organisation, made_at, id);
CREATE INDEX notices_undecided ON notices.notices (organisation, recipient) WHERE undecided;
CREATE INDEX notices_standing ON notices.notices (organisation, rule, subject) WHERE cleared_at IS NULL;
CREATE INDEX notices_of_record ON notices.notices (organisation, position) WHERE position IS NOT NULL;

COMMENT ON TABLE  notices.notices            IS 'Who was to be told what, by which rule, and why. Opaque references, never personal data';
COMMENT ON COLUMN notices.notices."window"   IS 'once per what: a signal, a month, a meeting; empty for once for ever';
COMMENT ON COLUMN notices.notices.urgency    IS 'how soon it is told, unless the recipient chose otherwise';
COMMENT ON COLUMN notices.notices.action     IS 'somebody has to act: it cannot be switched off, and is cleared by acting';
COMMENT ON COLUMN notices.notices.position   IS 'of the record it was made from; none where it was made from a row at a moment';
COMMENT ON COLUMN notices.notices.cleared_at IS 'since when it no longer holds';
COMMENT ON COLUMN notices.notices.undecided  IS 'whether it is still open by which channel it goes out';


-- What people chose: how soon they are told, by rule and channel. `*` stands for every rule; person `*` for everybody.
CREATE TABLE notices.preferences (
    organisation text        NOT NULL,
    person       text        NOT NULL CHECK (person = '*' OR person ~ '^person/[A-Za-z0-9_-]{1,64}$'),
    rule         text        NOT NULL,
    channel      text        NOT NULL CHECK (channel IN ('email', 'notify', 'chat', 'inbox')),
    pace         text        NOT NULL CHECK (pace IN ('at_once', 'daily', 'weekly', 'monthly', 'never')),
    changed_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT preferences_one_each PRIMARY KEY (organisation, person, rule, channel)
);

-- Hours of the day in Europe/London in which nothing is sent to a person.
CREATE TABLE notices.quiet_hours (
    organisation text NOT NULL,
    person       text NOT NULL CHECK (person = '*' OR person ~ '^person/[A-Za-z0-9_-]{1,64}$'),
    starts       time NOT NULL,
    ends         time NOT NULL,
    CONSTRAINT quiet_hours_one_each PRIMARY KEY (organisation, person)
);

-- What a person does not want to hear of for now: the stream of a project, say.
CREATE TABLE notices.mutes (
    organisation text        NOT NULL,
    person       text        NOT NULL CHECK (person ~ '^person/[A-Za-z0-9_-]{1,64}$'),
    subject      text        NOT NULL,
    muted_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    until        timestamptz,
    CONSTRAINT mutes_one_each PRIMARY KEY (organisation, person, subject)
);

COMMENT ON TABLE notices.preferences IS 'How soon a person is told, by rule and channel; the nearest to the person and the rule counts';
COMMENT ON TABLE notices.quiet_hours IS 'When a person is left in peace, by London''s clocks';
COMMENT ON TABLE notices.mutes       IS 'Subjects that a person does not hear of; what needs action is told all the same';


-- What is sent: one message to one person through one channel, of one notice or of many.
CREATE TABLE notices.messages (
    organisation text        NOT NULL,
    id           text        NOT NULL CHECK (id ~ '^[A-Za-z0-9_-]{16,64}$'),
    recipient    text        NOT NULL CHECK (recipient ~ '^person/[A-Za-z0-9_-]{1,64}$'),
    channel      text        NOT NULL CHECK (channel IN ('email', 'notify', 'chat', 'inbox')),
    kind         text        NOT NULL CHECK (kind IN ('notice', 'digest', 'agenda_pack', 'checkpoint', 'endpoint_disabled')),
    notices      text[]      NOT NULL DEFAULT '{}',
    facts        jsonb       NOT NULL DEFAULT '{}',
    due_at       timestamptz NOT NULL,
    made_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    state        text        NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sent', 'dead', 'withdrawn')),
    CONSTRAINT messages_named PRIMARY KEY (organisation, id)
) WITH (fillfactor = 80);

CREATE INDEX messages_waiting ON notices.messages (organisation, due_at) WHERE state = 'waiting';
CREATE INDEX messages_of_recipient ON notices.messages (organisation, recipient, made_at);

COMMENT ON TABLE  notices.messages         IS 'What goes to whom, by which channel, and when it may go';
COMMENT ON COLUMN notices.messages.id      IS 'random, and the same for every attempt: receivers recognise it by this';
COMMENT ON COLUMN notices.messages.facts   IS 'what the words are made of; opaque references, never personal data';


-- By which message each notice went out through a channel: never by two. No message: it was decided not to.
CREATE TABLE notices.carried (
    organisation text NOT NULL,
    notice       text NOT NULL,
    channel      text NOT NULL CHECK (channel IN ('email', 'notify', 'chat', 'inbox')),
    message      text,
    CONSTRAINT carried_once PRIMARY KEY (organisation, notice, channel)
);

CREATE INDEX carried_by_message ON notices.carried (organisation, message) WHERE message IS NOT NULL;

COMMENT ON TABLE notices.carried IS 'What became of a notice in each channel';


-- After a restore, or whenever the past must tell nobody: everything up to now counts as told, and nothing waits.
CREATE FUNCTION notices.be_silent_until_now(for_organisation text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    head    bigint;
    quiet   timestamptz := clock_timestamp();
    before  text := current_setting('qiledger.organisation', true);
BEGIN
    PERFORM set_config('qiledger.organisation', for_organisation, true);
    SELECT h.position INTO head FROM log.heads AS h WHERE h.organisation = for_organisation;
    IF head IS NOT NULL THEN
        INSERT INTO notices.checkpoints AS c (organisation, position, looked_at)
        VALUES (for_organisation, head, quiet)
            ON CONFLICT (organisation) DO UPDATE
           SET position = head, epoch = c.epoch + 1, people_known = false, looked_at = quiet,
               quiet_from = NULL, quiet_until = NULL;
        UPDATE notices.rules SET since = quiet, position = head WHERE organisation = for_organisation;
    END IF;
    UPDATE notices.notices SET undecided = false WHERE organisation = for_organisation AND undecided;
    UPDATE notices.messages SET state = 'withdrawn' WHERE organisation = for_organisation AND state = 'waiting';
    PERFORM set_config('qiledger.organisation', coalesce(before, ''), true);
END
$$;

COMMENT ON FUNCTION notices.be_silent_until_now IS 'Rules go on from the head as it is now; what was waiting is withdrawn';


ALTER SCHEMA notices OWNER TO qiledger_owner;
ALTER TABLE notices.checkpoints OWNER TO qiledger_owner;
ALTER TABLE notices.rules OWNER TO qiledger_owner;
ALTER TABLE notices.unsaid OWNER TO qiledger_owner;
ALTER TABLE notices.histories OWNER TO qiledger_owner;
ALTER TABLE notices.people OWNER TO qiledger_owner;
ALTER TABLE notices.notices OWNER TO qiledger_owner;
ALTER TABLE notices.preferences OWNER TO qiledger_owner;
ALTER TABLE notices.quiet_hours OWNER TO qiledger_owner;
ALTER TABLE notices.mutes OWNER TO qiledger_owner;
ALTER TABLE notices.messages OWNER TO qiledger_owner;
ALTER TABLE notices.carried OWNER TO qiledger_owner;
ALTER FUNCTION notices.be_silent_until_now OWNER TO qiledger_owner;

GRANT USAGE ON SCHEMA notices TO qiledger_api, qiledger_worker, qiledger_auditor;
GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA notices TO qiledger_worker;
GRANT DELETE ON notices.people, notices.unsaid TO qiledger_worker;
GRANT SELECT ON notices.checkpoints, notices.rules, notices.unsaid, notices.notices, notices.messages, notices.carried,
                notices.preferences, notices.quiet_hours, notices.mutes TO qiledger_api;
GRANT INSERT, UPDATE, DELETE ON notices.preferences, notices.quiet_hours, notices.mutes TO qiledger_api;
GRANT SELECT ON notices.rules, notices.unsaid, notices.notices, notices.messages, notices.carried TO qiledger_auditor;
REVOKE EXECUTE ON FUNCTION notices.be_silent_until_now FROM PUBLIC;
GRANT EXECUTE ON FUNCTION notices.be_silent_until_now TO qiledger_worker;

-- An organisation sees its own. Workers sweep over all of them: how far each has come, and what is due to be sent.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['checkpoints', 'rules', 'unsaid', 'histories', 'people', 'notices', 'preferences',
                                'quiet_hours', 'mutes', 'messages', 'carried'] LOOP
        EXECUTE format('ALTER TABLE notices.%I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format($policy$
            CREATE POLICY own_organisation ON notices.%I TO qiledger_api, qiledger_worker, qiledger_auditor
             USING (organisation = current_setting('qiledger.organisation', true))
              WITH CHECK (organisation = current_setting('qiledger.organisation', true))$policy$, name);
    END LOOP;
END
$$;
CREATE POLICY sweeping ON notices.checkpoints FOR SELECT TO qiledger_worker USING (true);
CREATE POLICY sweeping ON notices.messages FOR SELECT TO qiledger_worker USING (true);
