-- Planning of messages, and links by which people choose what they are told without a key.

ALTER TABLE notices.checkpoints ADD COLUMN unplanned boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN notices.checkpoints.unplanned IS 'whether notices were made or cleared since messages were last planned';


-- The key with which links in messages are signed. It opens nothing but a person's own choices.
CREATE TABLE notices.link_keys (
    organisation text        NOT NULL,
    key          bytea       NOT NULL CHECK (octet_length(key) = 32),
    made_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT link_keys_one_each PRIMARY KEY (organisation)
);

COMMENT ON TABLE notices.link_keys IS 'Signs the links to unsubscribe: whoever holds such a link may change that person''s choices, and see nothing else';

ALTER TABLE notices.link_keys OWNER TO qiledger_owner;
GRANT SELECT, INSERT ON notices.link_keys TO qiledger_worker;
GRANT SELECT ON notices.link_keys TO qiledger_api;
ALTER TABLE notices.link_keys ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_organisation ON notices.link_keys TO qiledger_api, qiledger_worker
 USING (organisation = current_setting('qiledger.organisation', true))
  WITH CHECK (organisation = current_setting('qiledger.organisation', true));
