"""What it costs, measured: `make bench`, or `python -m bench --only appender`.

Every figure is the median of repeated runs, set against something plain measured in the same run on the same machine,
because machines differ and are noisy. Nothing here asserts a time.
"""
