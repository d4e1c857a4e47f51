"""Verifying and replaying an export, on one core, in flat memory; against reading and hashing its lines."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.report import Row, console
from services.embedded import Postgres

EVENTS = 1_000_000

_MAKE = """
import sys
from datetime import UTC, datetime, timedelta
from events.cycles import CycleTested
from events.log.exporting import Exporter, head_of
from events.log.lines import canonical
from events.log.merkle import CompactRange, leaf_hash
from events.log.record import Record
from events.projects import ProjectStarted
from events.vocabulary import canonical_body, example_of, tag_of
import msgspec

path, count = sys.argv[1], int(sys.argv[2])
noon = datetime(2022, 5, 20, 12, tzinfo=UTC)
bodies = [(tag_of(kind), canonical_body(example_of(kind)).decode()) for kind in (ProjectStarted, CycleTested)]

def record(n):
    stream, version = divmod(n - 1, 120)
    type_, body = bodies[version > 0]
    plain = Record("RWK", n, f"project/P-{stream}", version + 1, "https://lifeqi.example", f"e-{n}", type_,
                   noon + timedelta(minutes=n), "instant", noon + timedelta(seconds=n // 100), "person/8Qm2", body, b"")
    return msgspec.structs.replace(plain, leaf=leaf_hash(canonical(plain)))

head = head_of("RWK", first=1, last=count, before=CompactRange(), purpose="Measuring", taken_for="Bench",
               made_at="2026-01-01T00:00:00.000000Z", made_by="qiledger bench")
with Exporter(head) as exporter, open(path, "wb") as file:
    file.write(exporter.begin())
    for first in range(1, count + 1, 5_000):
        file.write(exporter.add([record(n) for n in range(first, min(first + 5_000, count + 1))]))
    for line in exporter.leaves():
        file.write(line)
    file.write(exporter.seal(checkpoint=None))
"""
_MEASURE = """
import json, resource, sys, time
from hashlib import sha256
from pathlib import Path
from events.log.export_file import lines_of
from events.log.verifying import verify_file
from projections.engine.found import found
from projections.engine.replay import Replay, Target
from services.replaying import read_file

path, what = Path(sys.argv[1]), sys.argv[2]
records = 0
began = time.process_time()
if what == "hash":
    for line in lines_of(path):
        sha256(line).digest()
        records += 1
elif what == "verify":
    verdict = verify_file(path, unsigned=True)
    assert verdict.holds, verdict.findings
    records = verdict.records
else:
    with Replay([Target(each, 2**62) for each in found().values()], records=int(sys.argv[3])) as replay:
        records = read_file(path, replay).records
        rows = sum(each.rows for each in replay.digests())
    assert rows
seconds = time.process_time() - began
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"rate": records / seconds, "peak": peak}))
"""


def measure(_: Postgres, runs: int, events: int = EVENTS) -> list[Row]:
    """Records a CPU second, and the peak of the process, for an export of so many records."""
    with tempfile.TemporaryDirectory(prefix="qiledger-bench-") as directory:
        path = Path(directory) / "export.ndjson"
        with console.status(f"making an export of {events:,} records …"):
            _apart(_MAKE, str(path), str(events))
        measured = []
        for number in range(runs):
            with console.status(f"verifying and replaying {events:,} records, {number + 1} of {runs} …"):
                measured.append(
                    {
                        what: json.loads(_apart(_MEASURE, str(path), what, str(events)))
                        for what in ("hash", "verify", "replay")
                    }
                )
    named = {"verify": "verifying an export", "replay": "verifying it, and folding every projection"}
    rates = [
        Row(
            what=said,
            unit="records/s",
            ours=[one[what]["rate"] for one in measured],
            peer=[one["hash"]["rate"] for one in measured],
            peer_is="reading and hashing its lines",
        )
        for what, said in named.items()
    ]
    peaks = [
        Row(what=f"{said}: peak memory", unit="MB", ours=[one[what]["peak"] for one in measured])
        for what, said in named.items()
    ]
    return rates + peaks


def _apart(program: str, *words: str) -> str:
    done = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, check=True)
    return done.stdout
