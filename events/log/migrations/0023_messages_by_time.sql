-- Messages are listed by the time they were made, whatever their state.
CREATE INDEX messages_by_time ON notices.messages (organisation, made_at, id);
