-- The vault: a key for each person, and how they are reached. The only personal data there are, and they can be emptied.
--
-- Kept apart from the log, in a schema of its own: the log keeps ciphertext for ever, the vault keeps what reads it for as
-- long as a person wants. Reporting roles and auditors have no business here. Back it up apart from the log, and not for
-- long: a backup that holds both would read what was erased.

CREATE SCHEMA vault;

-- A person's key, wrapped by a master key that is in no database. A key that was destroyed leaves its row behind: so the
-- same reference never gets another key, and whatever is told of it afterwards is kept without its words.
CREATE TABLE vault.keys (
    organisation text        NOT NULL CHECK (organisation <> ''),
    person       text        NOT NULL CHECK (person ~ '^person/[A-Za-z0-9_-]{1,64}$'),
    id           text        NOT NULL CHECK (id ~ '^[a-z0-9]{1,32}$'),
    master       text        NOT NULL CHECK (master <> ''),
    wrapped      bytea,
    made_at      timestamptz NOT NULL DEFAULT now(),
    destroyed_at timestamptz,
    CONSTRAINT keys_one_a_person PRIMARY KEY (organisation, person),
    CONSTRAINT keys_named UNIQUE (organisation, id),
    CONSTRAINT keys_are_there_or_destroyed CHECK ((wrapped IS NULL) = (destroyed_at IS NOT NULL))
);

COMMENT ON TABLE  vault.keys         IS 'The data key of each person, wrapped; the master key that unwraps it is elsewhere';
COMMENT ON COLUMN vault.keys.id      IS 'by which the ledger of erasures knows the key, without saying whose it is';
COMMENT ON COLUMN vault.keys.master  IS 'which master key wraps it';
COMMENT ON COLUMN vault.keys.wrapped IS 'the key, encrypted; NULL once it is destroyed';

CREATE TABLE vault.contacts (
    organisation text        NOT NULL,
    person       text        NOT NULL,
    sealed       bytea       NOT NULL,
    changed_at   timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT contacts_one_a_person PRIMARY KEY (organisation, person),
    CONSTRAINT contacts_have_a_key FOREIGN KEY (organisation, person) REFERENCES vault.keys (organisation, person)
);

COMMENT ON TABLE  vault.contacts        IS 'How people are reached, by their opaque references';
COMMENT ON COLUMN vault.contacts.sealed IS 'name, e-mail address and telephone number, encrypted with the key of the person';

-- What was destroyed stays so. Whoever restores a backup applies the ledger of erasures again.
CREATE FUNCTION vault.refuse_reviving() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF TG_OP <> 'UPDATE' THEN
        RAISE insufficient_privilege USING MESSAGE = 'the row of a key is not removed: it says that there is no other';
    END IF;
    IF OLD.wrapped IS NULL THEN
        RAISE insufficient_privilege USING MESSAGE = format('the key of %s was destroyed, and stays so', OLD.person);
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER never_revived BEFORE UPDATE OR DELETE ON vault.keys
    FOR EACH ROW EXECUTE FUNCTION vault.refuse_reviving();

ALTER TABLE vault.keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE vault.keys FORCE ROW LEVEL SECURITY;
ALTER TABLE vault.contacts ENABLE ROW LEVEL SECURITY;
ALTER TABLE vault.contacts FORCE ROW LEVEL SECURITY;
CREATE POLICY own_organisation ON vault.keys TO qiledger_api, qiledger_worker
    USING (organisation = current_setting('qiledger.organisation', true))
    WITH CHECK (organisation = current_setting('qiledger.organisation', true));
CREATE POLICY own_organisation ON vault.contacts TO qiledger_api, qiledger_worker
    USING (organisation = current_setting('qiledger.organisation', true))
    WITH CHECK (organisation = current_setting('qiledger.organisation', true));

ALTER SCHEMA vault OWNER TO qiledger_owner;
ALTER TABLE vault.keys OWNER TO qiledger_owner;
ALTER TABLE vault.contacts OWNER TO qiledger_owner;
ALTER FUNCTION vault.refuse_reviving OWNER TO qiledger_owner;
GRANT USAGE ON SCHEMA vault TO qiledger_api, qiledger_worker;
GRANT SELECT, INSERT ON vault.keys TO qiledger_api;
GRANT SELECT, INSERT, UPDATE, DELETE ON vault.contacts TO qiledger_api;
GRANT SELECT ON vault.keys, vault.contacts TO qiledger_worker;
