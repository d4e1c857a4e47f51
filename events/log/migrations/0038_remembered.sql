-- What hearing remembers: how long streams stood at a position that has been heard, so that the next news of one is
-- folded from there and not from its first record.
--
-- Whatever is here follows from the log up to `position`, which never changes. Without it nothing is lost but time.

CREATE TABLE notices.remembered (
    organisation text   NOT NULL,
    projection   text   NOT NULL,
    stream       text   NOT NULL,
    revision     bigint NOT NULL,
    position     bigint NOT NULL,
    version      bigint NOT NULL,
    rows         bytea  NOT NULL,
    CONSTRAINT remembered_one_each PRIMARY KEY (organisation, projection, stream)
);

-- It is compressed already, and read whole.
ALTER TABLE notices.remembered ALTER COLUMN rows SET STORAGE EXTERNAL;

COMMENT ON TABLE  notices.remembered            IS 'Streams as they stood when they were last heard, to be folded on from there';
COMMENT ON COLUMN notices.remembered.projection IS 'by whose folds';
COMMENT ON COLUMN notices.remembered.revision   IS 'of the projection: another one would have made other rows';
COMMENT ON COLUMN notices.remembered.position   IS 'every record of the stream up to here is in it';
COMMENT ON COLUMN notices.remembered.version    IS 'of the last of them that matters to the projection';
COMMENT ON COLUMN notices.remembered.rows       IS 'the rows, in the form of projections/notices/engine/remembered.py';

ALTER TABLE notices.remembered OWNER TO qiledger_owner;
GRANT SELECT, INSERT, UPDATE ON notices.remembered TO qiledger_worker;

ALTER TABLE notices.remembered ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_organisation ON notices.remembered TO qiledger_worker
 USING (organisation = current_setting('qiledger.organisation', true))
  WITH CHECK (organisation = current_setting('qiledger.organisation', true));
