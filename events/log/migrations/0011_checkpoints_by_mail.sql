-- Who keeps checkpoints outside the system: they are sent the newest one every day or every week.

CREATE TABLE proof.auditors (
    organisation text NOT NULL,
    person       text NOT NULL CHECK (person ~ '^person/[A-Za-z0-9_-]{1,64}$'),
    channel      text NOT NULL CHECK (channel IN ('email', 'notify')),
    every        text NOT NULL CHECK (every IN ('day', 'week')),
    next_on      date NOT NULL,
    CONSTRAINT auditors_once PRIMARY KEY (organisation, person)
);

COMMENT ON TABLE  proof.auditors         IS 'Who is sent the newest checkpoint: a checkpoint proves something only where nobody here can reach it';
COMMENT ON COLUMN proof.auditors.next_on IS 'the day, in London, from six in the morning of which the next one is due';

ALTER TABLE proof.auditors OWNER TO qiledger_owner;
REVOKE ALL ON proof.auditors FROM qiledger_owner;
ALTER TABLE proof.auditors ENABLE ROW LEVEL SECURITY;
ALTER TABLE proof.auditors FORCE ROW LEVEL SECURITY;
CREATE POLICY sealing ON proof.auditors TO qiledger_worker USING (true) WITH CHECK (true);
CREATE POLICY own_organisation ON proof.auditors FOR SELECT TO qiledger_auditor
    USING (organisation = current_setting('qiledger.organisation', true));
GRANT SELECT, INSERT, UPDATE, DELETE ON proof.auditors TO qiledger_worker;
GRANT SELECT ON proof.auditors TO qiledger_auditor;
