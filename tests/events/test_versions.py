"""How a meaning changes: a new type beside the old one, in a new file, with nothing else edited."""

import subprocess
import sys
from pathlib import Path

VENTURES = '''
"""A subject of its own, to show how a meaning changes."""

from events.fields import Title
from events.streams import ProjectEvent
from events.vocabulary import example


@example(name="A first venture", hours=3)
class VentureBegun(ProjectEvent, frozen=True, kw_only=True, tag="venture.begun"):
    """A venture was begun. Superseded: hours are minutes now."""

    name: Title  # what it is called
    hours: int  # how long it is to take

    def upcast(self) -> "VentureBegun2":
        return VentureBegun2(name=self.name, minutes=60 * self.hours)


@example(name="A second venture", minutes=90)
class VentureBegun2(ProjectEvent, frozen=True, kw_only=True, tag="venture.begun.2"):
    """A venture was begun."""

    name: Title  # what it is called
    minutes: int  # how long it is to take
'''

ASK = """
import sys, events
events.__path__.append(sys.argv[1])
from events.catalogue import entry
from events.vocabulary import canonical_body, read_body
told = read_body("venture.begun", b'{"name":"A first venture","hours":3}')
print(canonical_body(told).decode())
print(canonical_body(told.upcast()).decode())
print(entry("venture.begun.2").version, entry("venture.begun").version, entry("venture.begun.2").subject)
"""


def test_what_was_told_in_old_words_is_read_in_todays(tmp_path: Path) -> None:
    (tmp_path / "ventures.py").write_text(VENTURES)
    root = Path(__file__).parents[2]
    asked = subprocess.run(
        [sys.executable, "-c", ASK, str(tmp_path)],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert asked.stdout.splitlines() == [
        '{"name":"A first venture","hours":3}',
        '{"name":"A first venture","minutes":180}',
        "2 1 ventures",
    ]
