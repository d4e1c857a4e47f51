-- A digest was planned with two hundred notices, and told of a hundred and fifty: the others counted as told. Of those that
-- still wait, what is too much is open again, and goes into another message with the next planning.

WITH too_long AS (
    SELECT organisation, id, notices[151:] AS rest
      FROM notices.messages
     WHERE state = 'waiting' AND kind = 'digest' AND cardinality(notices) > 150
), shortened AS (
    UPDATE notices.messages AS m
       SET notices = m.notices[:150]
      FROM too_long AS t
     WHERE m.organisation = t.organisation AND m.id = t.id
), not_carried AS (
    DELETE FROM notices.carried AS c
     USING too_long AS t
     WHERE c.organisation = t.organisation AND c.message = t.id AND c.notice = ANY (t.rest)
)
UPDATE notices.notices AS n
   SET undecided = true
  FROM too_long AS t
 WHERE n.organisation = t.organisation AND n.id = ANY (t.rest);
