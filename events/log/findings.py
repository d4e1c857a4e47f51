"""What is found wrong with an export while its lines are read, each with the place."""

from events.log.verdict import Finding

FINDINGS_MAX = 100


class Findings:
    """Collects what is wrong, the first FINDINGS_MAX of it by name. `line` is the line that is being read, from 1."""

    def __init__(self) -> None:
        self.line = 0
        self.named: list[Finding] = []
        self.more = 0

    def found(
        self, says: str, *, position: int | None = None, byte: int | None = None, line: int | None = None
    ) -> None:
        """Notes something that is wrong, on this line unless another is named."""
        if len(self.named) >= FINDINGS_MAX:
            self.more += 1
            return
        self.named.append(Finding(says=says, line=line or self.line or None, position=position, byte=byte))

    @property
    def on_this_line(self) -> bool:
        """Whether anything is wrong with the line that is being read."""
        return any(finding.line == self.line for finding in self.named)
