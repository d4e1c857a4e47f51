"""A witness: on another machine, with a key and a memory of its own, it co-signs what a log has only added to."""
