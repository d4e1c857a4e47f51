"""`python -m bench`: every measurement, or the ones asked for.

What is measured, and against what, is said at the head of each module. `--quick` looks at everything once, on little
data: to see that it works, and about where the figures lie.
"""

import argparse
from typing import Any

from bench import (
    appender,
    charts,
    delivering,
    erasing,
    freshness,
    growth,
    long_streams,
    notices,
    pictures,
    posting,
    proving,
    rebuild,
    sealing,
    starting,
    webhooks,
)
from bench.place import server
from bench.report import console, show

MEASUREMENTS = {
    "starting": ("Starting and stopping a house", starting.measure),
    "posting": ("Telling events over HTTP", posting.measure),
    "appender": ("Appending, many callers at once", appender.measure),
    "freshness": ("From told to seen", freshness.measure),
    "rebuild": ("Rebuilding projections from a long log", rebuild.measure),
    "pictures": ("Asking pictures", pictures.measure),
    "notices": ("Telling people", notices.measure),
    "charts": ("Drawing charts", charts.measure),
    "sealing": ("Sealing a long log", sealing.measure),
    "delivering": ("Delivering messages", delivering.measure),
    "webhooks": ("Telling systems: webhooks and live streams", webhooks.measure),
    "erasing": ("Erasing a person", erasing.measure),
    "proving": ("Verifying and replaying an export", proving.measure),
    "long_streams": ("News of long streams, and pages of them", long_streams.measure),
    "growth": ("As the log grows", growth.measure),
}

SCALES = {
    "rebuild": ("events",),
    "sealing": ("events",),
    "erasing": ("events",),
    "proving": ("events",),
    "pictures": ("organisations", "projects"),
}
RUNS = 3
ONCE = (
    "rebuild",
    "sealing",
    "erasing",
    "proving",
    "growth",
)  # long in themselves: a sum over a million events
QUICK: dict[str, dict[str, Any]] = {
    "rebuild": {"events": 100_000},
    "sealing": {"events": 100_000},
    "erasing": {"events": 100_000},
    "proving": {"events": 100_000},
    "pictures": {"organisations": 2, "projects": 100},
    "long_streams": {"points": 1_000, "lines": 2_000},
    "growth": {"sizes": (10_000, 100_000)},
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--only", choices=MEASUREMENTS, action="append", help="this one (may be given again)")
    parser.add_argument(
        "--runs", type=int, help=f"how often each is measured (default {RUNS}; the long ones 1)"
    )
    parser.add_argument("--quick", action="store_true", help="everything once, on little data")
    parser.add_argument("--events", type=int, help="how long the log is that is rebuilt from, or sealed")
    parser.add_argument(
        "--organisations", type=int, help="among how many pictures are asked (100 for the whole)"
    )
    parser.add_argument("--projects", type=int, help="how many projects each of them has")
    asked = parser.parse_args()
    for name in asked.only or MEASUREMENTS:
        title, measure = MEASUREMENTS[name]
        scale = {option: getattr(asked, option) for option in SCALES.get(name, ())}
        more = QUICK.get(name, {}) if asked.quick else {}
        more = more | {option: size for option, size in scale.items() if size is not None}
        runs = asked.runs or (1 if asked.quick or name in ONCE else RUNS)
        with server() as postgres:
            rows = measure(postgres, runs, **more)
        show(title, rows)
    console.print(
        "Medians of repeated runs. One event is about 450 bytes; every append was durable (fsync on)."
    )


if __name__ == "__main__":
    main()
