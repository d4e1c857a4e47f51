"""Webhooks: records of the log, sent to whoever asked for them, in order, and again until they have been taken."""
