-- A canonical record is one line: what stands in it unescaped, the body and the type, holds no line end.
--
-- The API writes bodies that hold none. Whoever spoke SQL to `log.append` could keep one that does, and then no export of
-- that log could be written, ever. All other texts are escaped as JSON in the canonical record.
--
-- To look for one character costs less than a hundredth of what it costs to append. NOT VALID: what is on record stays
-- there, whatever it holds, and no log is read whole by a migration.
ALTER TABLE log.records
  ADD CONSTRAINT records_of_one_line CHECK (strpos(body, E'\n') = 0 AND strpos(type, E'\n') = 0) NOT VALID;
