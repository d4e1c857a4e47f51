-- What is posted in a chat room is told to the room, once, and not to each person who chose to hear of it there: such a
-- message names the forum whose room it is, or `forum/*` for what belongs to no forum.
--
-- Posts that wait name a person, as before. They go to the room of all others.

ALTER TABLE notices.messages
  DROP CONSTRAINT messages_recipient_check,
   ADD CONSTRAINT messages_to_a_person_or_a_room CHECK (
       recipient ~ '^person/[A-Za-z0-9_-]{1,64}$'
       OR (channel = 'chat' AND recipient ~ '^forum/(\*|[A-Za-z0-9][A-Za-z0-9._~-]{0,63})$'));

COMMENT ON COLUMN notices.messages.recipient IS 'a person; of what is posted in a chat room, the forum whose room it is';
