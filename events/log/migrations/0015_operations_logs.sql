-- Every organisation has a second log: of its operations. RWK.operations says what was refused, which keys were made and
-- revoked, who read as an auditor, what was exported, whom an erasure made unreadable. It is a log like any other, with
-- positions, guards and proofs of its own.

ALTER TABLE log.heads DROP CONSTRAINT heads_organisation_check;
ALTER TABLE log.heads ADD CONSTRAINT heads_organisation_check CHECK (organisation ~ '^[A-Z0-9]{2,10}(\.operations)?$');

-- Opens the log of an organisation together with that of its operations, or renames it.
CREATE OR REPLACE FUNCTION log.open(for_organisation text, called text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    INSERT INTO log.heads (organisation, name)
    VALUES (for_organisation, called), (for_organisation || '.operations', called || ': operations')
        ON CONFLICT (organisation) DO UPDATE SET name = excluded.name WHERE log.heads.name <> excluded.name
$$;

-- For the organisations that have a log already.
CREATE FUNCTION log.open_operations() RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    INSERT INTO log.heads (organisation, name)
    SELECT h.organisation || '.operations', h.name || ': operations'
      FROM log.heads AS h
     WHERE h.organisation NOT LIKE '%.operations'
        ON CONFLICT (organisation) DO NOTHING
$$;
GRANT CREATE ON SCHEMA log TO qiledger_appender;
ALTER FUNCTION log.open_operations OWNER TO qiledger_appender;
REVOKE CREATE ON SCHEMA log FROM qiledger_appender;
SELECT log.open_operations();
DROP FUNCTION log.open_operations();

-- For whoever goes through organisations: projections, notices, webhooks.
CREATE VIEW log.organisations WITH (security_invoker = true) AS
SELECT h.organisation, h.name, h.position, h.recorded_at
  FROM log.heads AS h
 WHERE h.organisation NOT LIKE '%.operations';
COMMENT ON VIEW log.organisations IS 'The heads of the logs of organisations, without those of their operations';
ALTER VIEW log.organisations OWNER TO qiledger_owner;
GRANT SELECT ON log.organisations TO qiledger_api, qiledger_worker, qiledger_report, qiledger_auditor;
