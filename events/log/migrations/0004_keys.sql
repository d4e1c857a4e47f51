-- Who may speak to a log: API keys. Only the hash of a key is kept, so that whoever reads this table holds no key.
--
-- Kept apart from the log: these rows do change (a key is used, rotated, revoked), and readers of records have no business here.

CREATE SCHEMA access;

CREATE TABLE access.keys (
    organisation text        NOT NULL,
    id           text        NOT NULL CHECK (id ~ '^[A-Za-z0-9]{8}$'),
    client       text        NOT NULL CHECK (client ~ '^[a-z0-9][a-z0-9._-]{0,63}$'),
    hash         bytea       NOT NULL CHECK (octet_length(hash) = 32),
    scopes       text[]      NOT NULL CHECK (cardinality(scopes) BETWEEN 1 AND 20),
    sources      text[]      NOT NULL CHECK (cardinality(sources) <= 20),
    created_at   timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz NOT NULL,
    revoked_at   timestamptz,
    last_used_at timestamptz,
    CONSTRAINT keys_named PRIMARY KEY (organisation, id)
) WITH (fillfactor = 70);

CREATE INDEX keys_by_id ON access.keys (id);
CREATE INDEX keys_of_client ON access.keys (organisation, client);

COMMENT ON TABLE  access.keys         IS 'API keys, by the public part of the key; the secret part is nowhere';
COMMENT ON COLUMN access.keys.client  IS 'who holds it: the actor of what it tells is client/<name>';
COMMENT ON COLUMN access.keys.hash    IS 'SHA-256 of the whole key';
COMMENT ON COLUMN access.keys.sources IS 'which sources it may tell for; * is any, a source covers what is below it';

ALTER SCHEMA access OWNER TO qiledger_owner;
ALTER TABLE access.keys OWNER TO qiledger_owner;
GRANT USAGE ON SCHEMA access TO qiledger_api;
GRANT SELECT ON access.keys TO qiledger_api;
GRANT UPDATE (last_used_at) ON access.keys TO qiledger_api;
