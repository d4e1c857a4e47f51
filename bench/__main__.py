"""`python -m bench`: every measurement, or the ones asked for."""

import argparse

from bench import appender, freshness, growth, posting, rebuild
from bench.place import server
from bench.report import console, show

MEASUREMENTS = {
    "posting": ("Telling events over HTTP", posting.measure),
    "appender": ("Appending, many callers at once", appender.measure),
    "freshness": ("From told to seen", freshness.measure),
    "rebuild": ("Rebuilding projections from a long log", rebuild.measure),
    "growth": ("As the log grows", growth.measure),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--only", choices=MEASUREMENTS, action="append", help="this one (may be given again)")
    parser.add_argument("--runs", type=int, default=3, help="how often each is measured (default 3)")
    parser.add_argument("--events", type=int, help="how long the log is that projections are rebuilt from")
    asked = parser.parse_args()
    for name in asked.only or MEASUREMENTS:
        title, measure = MEASUREMENTS[name]
        more = {"events": asked.events} if name == "rebuild" and asked.events else {}
        with server() as postgres:
            rows = measure(postgres, asked.runs, **more)
        show(title, rows)
    console.print(
        "Medians of repeated runs. One event is about 450 bytes; every append was durable (fsync on)."
    )


if __name__ == "__main__":
    main()
