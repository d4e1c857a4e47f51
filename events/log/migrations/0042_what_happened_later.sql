-- Which of two things happened later decides whether one clears the notice of the other, not which was recorded later.
--
-- Notices made before this do not know when what they tell of happened: whatever comes clears them, as it did.

ALTER TABLE notices.notices
  ADD COLUMN happened_at timestamptz,
  ADD COLUMN follows     text[];

COMMENT ON COLUMN notices.notices.happened_at IS 'when it happened, as its record says; none where it was made from a row at a moment';
COMMENT ON COLUMN notices.notices.follows     IS 'the earlier notices of which it tells more: it goes out where they went out; none: wherever its recipient likes';
