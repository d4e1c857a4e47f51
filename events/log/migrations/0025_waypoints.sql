-- Waypoints: where a long stream stood, so that late news of it is folded from there and not from its first record.
--
-- They belong to a build, and go with it; without them nothing is lost but time.

-- The streams that have waypoints, and up to which position of the log these take every record into account.
CREATE TABLE projections.long_streams (
    organisation text   NOT NULL,
    projection   text   NOT NULL,
    build        bigint NOT NULL,
    key          text   NOT NULL,
    known_to     bigint NOT NULL,
    CONSTRAINT long_streams_one_each PRIMARY KEY (organisation, projection, build, key)
);

-- A row of a stream as it stood when all records up to (at, position), by when they happened, had been folded. Of a
-- stream with several rows, only those that changed since the waypoint before.
CREATE TABLE projections.waypoints (
    organisation    text        NOT NULL,
    projection      text        NOT NULL,
    build           bigint      NOT NULL,
    key             text        NOT NULL,
    part            text        NOT NULL,
    at              timestamptz NOT NULL,
    position        bigint      NOT NULL,
    row             text,
    folded_at       timestamptz NOT NULL,
    folded_position bigint      NOT NULL,
    CONSTRAINT waypoints_in_order PRIMARY KEY (organisation, projection, build, key, part, at, position)
);

COMMENT ON TABLE  projections.long_streams          IS 'Streams that are folded again from a waypoint';
COMMENT ON COLUMN projections.long_streams.known_to IS 'a record at a later position is not in the waypoints, whenever it happened';
COMMENT ON TABLE  projections.waypoints             IS 'Rows of long streams as they stood after some of their records';
COMMENT ON COLUMN projections.waypoints.row         IS 'as JSON; empty where the folds withhold it';
COMMENT ON COLUMN projections.waypoints.folded_at   IS 'when the last record folded into the row happened';

ALTER TABLE projections.long_streams OWNER TO qiledger_owner;
ALTER TABLE projections.waypoints OWNER TO qiledger_owner;
GRANT SELECT, INSERT, UPDATE, DELETE ON projections.long_streams, projections.waypoints TO qiledger_worker;

ALTER TABLE projections.long_streams ENABLE ROW LEVEL SECURITY;
ALTER TABLE projections.waypoints ENABLE ROW LEVEL SECURITY;
CREATE POLICY working ON projections.long_streams TO qiledger_worker USING (true) WITH CHECK (true);
CREATE POLICY working ON projections.waypoints TO qiledger_worker USING (true) WITH CHECK (true);
