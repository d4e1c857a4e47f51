"""What is made of the log: one file for each thing shown, found by `engine/found.py`."""
