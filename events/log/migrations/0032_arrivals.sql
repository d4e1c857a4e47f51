-- A channel may take a message and find out only later that it cannot be delivered: GOV.UK Notify tries for three days.
-- What became of such a message is asked for until it is known, and so often at most; the answer stays on record.

CREATE TABLE notices.arrivals (
    organisation text        NOT NULL,
    message      text        NOT NULL,
    channel      text        NOT NULL CHECK (channel IN ('email', 'notify')),
    reference    text        NOT NULL CHECK (length(reference) <= 400),
    taken_at     timestamptz NOT NULL,
    asked        integer     NOT NULL DEFAULT 0,
    ask_at       timestamptz,
    outcome      text        CHECK (outcome IN ('arrived', 'bounced', 'failed', 'unheard')),
    said         text        CHECK (length(said) <= 400),
    settled_at   timestamptz,
    CONSTRAINT arrivals_of_messages PRIMARY KEY (organisation, message),
    CONSTRAINT arrivals_settle_somehow CHECK ((outcome IS NULL) = (settled_at IS NULL)),
    CONSTRAINT arrivals_are_asked_for_until_settled CHECK ((outcome IS NULL) = (ask_at IS NOT NULL))
) WITH (fillfactor = 80);

CREATE INDEX arrivals_to_ask_for ON notices.arrivals (organisation, channel, ask_at, message) WHERE ask_at IS NOT NULL;

COMMENT ON TABLE  notices.arrivals           IS 'Whether what a channel had taken arrived, where it says so later';
COMMENT ON COLUMN notices.arrivals.reference IS 'what the other side calls it';
COMMENT ON COLUMN notices.arrivals.asked     IS 'how often it was asked for: every time is counted before it is made';
COMMENT ON COLUMN notices.arrivals.outcome   IS 'bounced: the address is no good; failed: it did not arrive, for another reason; unheard: nobody ever said';


-- Addresses at which nothing arrives. The address itself stands in the vault: a mark holds until it is changed there.
CREATE TABLE notices.bad_addresses (
    organisation text        NOT NULL,
    person       text        NOT NULL CHECK (person ~ '^person/[A-Za-z0-9_-]{1,64}$'),
    used_at      timestamptz NOT NULL,
    message      text        NOT NULL,
    said         text        CHECK (length(said) <= 400),
    CONSTRAINT bad_addresses_one_each PRIMARY KEY (organisation, person)
);

COMMENT ON TABLE  notices.bad_addresses         IS 'Whose address is known to be no good; holds no address';
COMMENT ON COLUMN notices.bad_addresses.used_at IS 'when it was last used: an address that was changed since is another';


ALTER TABLE notices.arrivals OWNER TO qiledger_owner;
ALTER TABLE notices.bad_addresses OWNER TO qiledger_owner;

GRANT SELECT, INSERT, UPDATE ON notices.arrivals, notices.bad_addresses TO qiledger_worker;
GRANT SELECT ON notices.arrivals, notices.bad_addresses TO qiledger_api;
GRANT SELECT ON notices.arrivals TO qiledger_auditor;

-- An organisation sees its own.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['arrivals', 'bad_addresses'] LOOP
        EXECUTE format('ALTER TABLE notices.%I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format($policy$
            CREATE POLICY own_organisation ON notices.%I TO qiledger_api, qiledger_worker, qiledger_auditor
             USING (organisation = current_setting('qiledger.organisation', true))
              WITH CHECK (organisation = current_setting('qiledger.organisation', true))$policy$, name);
    END LOOP;
END
$$;
-- The sweep looks whose messages are to be asked for.
CREATE POLICY sweeping ON notices.arrivals FOR SELECT TO qiledger_worker USING (true);
