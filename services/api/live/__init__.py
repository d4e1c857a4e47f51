"""Live streams (server-sent events): one look at the database for all who listen to an organisation, however many.

What is new is read once for all of them. A stream is a place in the log and nothing else, so whoever is cut off, by a
proxy, a restart or for taking nothing, goes on where he was.
"""
