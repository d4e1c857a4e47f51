"""What can happen: one file per subject, found by `vocabulary.py`; and the log that keeps it, in `log/`."""
