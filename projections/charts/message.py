"""What a chart says, in words: the title that carries the message, the description, the warnings.

For those who read a picture by ear, and for those who look first at the headline.
"""

from math import floor, log10

from msgspec.structs import replace

from events.counted import counted
from projections.charts.chart_type import ABOUT, ChartType
from projections.charts.drawn import Chart, DrawnPhase, Signal
from projections.charts.icons import Variation
from projections.charts.rules import rule_set

_LATEST = {
    Variation.COMMON_CAUSE: "no significant change",
    Variation.IMPROVEMENT_HIGH: "improving (higher)",
    Variation.IMPROVEMENT_LOW: "improving (lower)",
    Variation.CONCERN_HIGH: "of concern (higher)",
    Variation.CONCERN_LOW: "of concern (lower)",
    Variation.NEUTRAL_HIGH: "higher than usual",
    Variation.NEUTRAL_LOW: "lower than usual",
}


def message(chart: Chart) -> str:
    """The headline: what is measured, what the latest points say, and why."""
    name = chart.series.title or ABOUT[chart.chart].name
    if all(point.value is None for point in chart.points):
        return f"{name}: no measurements yet"
    last = chart.points[chart.phases[-1].first :]
    if chart.chart is not ChartType.RUN and all(point.upper is None for point in last):
        return f"{name}: too few points, or too little variation, to say"
    latest = latest_signal(chart)
    if chart.variation is None:
        why = _sentence(chart, latest) if latest else "a signal"
        return f"{name}: special cause variation — {why}"
    said = _LATEST[chart.variation]
    why = f" — {_sentence(chart, latest)}" if latest else ""
    return f"{name}: {said}{why}{_since_rebase(chart)}"


def headline(chart: Chart, *, letters_max: int) -> str:
    """The message in so many letters: what is measured is cut short, never what is said of it."""
    said, name = message(chart), chart.series.title
    keep = max(len(name) - (len(said) - letters_max) - 1, 12)
    if len(said) <= letters_max or keep + 1 >= len(name):
        return said
    short = name[:keep].rpartition(" ")[0] or name[:keep]
    return message(replace(chart, series=replace(chart.series, title=f"{short}…")))


def _since_rebase(chart: Chart) -> str:
    """Where the centre line was and is, once people have re-based: the change that the last phase alone
    hides.
    """
    if len(chart.phases) < 2:
        return ""
    before, now = chart.phases[-2], chart.phases[-1]
    since = f" since {chart.points[now.first].label}"
    was, became = number_in_words(before.centre), number_in_words(now.centre)
    lines = f"{ABOUT[chart.chart].centre} {became}"
    if chart.variation is Variation.COMMON_CAUSE:
        return f"{since}; {lines}, {was} before"
    return f"; {lines}{since}, {was} before"


def latest_signal(chart: Chart) -> Signal | None:
    """The signal that the latest point is part of, by precedence; else one about the whole of the last phase."""
    known = [i for i, point in enumerate(chart.points) if point.value is not None]
    if not known:
        return None
    flags = chart.points[known[-1]].flags
    mine = [s for s in chart.signals if flags and s.rule == flags[0].rule and known[-1] in s.points]
    if mine:
        return mine[-1]
    whole = {rule.id for rule in rule_set(chart.rule_set).rules if not rule.flags_points}
    about = [s for s in chart.signals if s.rule in whole and s.phase == chart.phases[-1].number]
    return about[-1] if about else None


def description(chart: Chart) -> str:
    """The chart for those who cannot see it: kind, time, centre and limits by phase, signals, icons, target."""
    about, points = ABOUT[chart.chart], chart.points
    if not points:
        return f"{about.name} without points."
    unit = f" in {chart.series.unit}" if chart.series.unit else ""
    chosen = frozen(chart)
    said = [
        f"{about.name} of {counted(len(points), 'point')}{unit} from {points[0].label} to {points[-1].label}."
    ]
    said += [_about_phase(chart, number, phase) for number, phase in enumerate(chart.phases, 1)]
    if chosen:
        said.append(f"{_begun(chosen)}.")
    if chart.target is not None:
        said.append(f"Target {number_in_words(chart.target)}.")
    if chart.progress is not None and len(chart.phases) > 1:
        said.append(f"{chart.progress:.0%} of the way from the first centre line to the target.")
    said += [f"{_begun(_sentence(chart, signal))}." for signal in chart.signals[:SIGNALS_TOLD]]
    if len(chart.signals) > SIGNALS_TOLD:
        said.append(f"{len(chart.signals) - SIGNALS_TOLD} more signals are in the table.")
    said.append(f"Signals by {rule_set(chart.rule_set).name} ({chart.rule_set}).")
    said += [f"{icon.words}." for icon in (chart.variation, chart.assurance) if icon is not None]
    said += warnings(chart)
    return " ".join(said)


def frozen(chart: Chart) -> str | None:
    """Which points the lines come from, where people chose some; None where they come from all of their phase."""
    for phase in chart.phases:
        basis = [p.label for p in chart.points[phase.first : phase.last + 1] if p.in_baseline]
        if len(basis) <= phase.last - phase.first:
            return (
                f"lines from {basis[0]} to {basis[-1]}" if len(basis) > 1 else f"lines from {basis[0]} alone"
            )
    return None


SIGNALS_TOLD = 12
"""More signals than this are left to the table: nobody listens longer."""


def warnings(chart: Chart) -> list[str]:
    """What a careful reader should know before believing the lines."""
    said = []
    if any(phase.trial for phase in chart.phases):
        what = "medians" if chart.chart is ChartType.RUN else "limits"
        said.append(f"Fewer than 13 points in a phase: its {what} are on trial and move with each point.")
    known = [p for p in chart.points if p.value is not None]
    if chart.chart is not ChartType.RUN and known and all(p.upper is None for p in known):
        said.append("No limits could be calculated: too few points, or no variation left after screening.")
    return said


def number_in_words(value: float | None, *, step: float | None = None) -> str:
    """A number as people write it: four significant digits, thousands set apart, millions and billions as m and bn.

    With the `step` of an axis, as many decimals as tell it from its neighbours there.
    """
    if value is None:
        return "none"
    size = abs(value)
    if size and not 1e-4 <= size < 1e15:
        digits, _, power = f"{value:.2e}".partition("e")
        return f"{digits.rstrip('0').rstrip('.')}×10{str(int(power)).translate(_RAISED)}"
    unit, sign = next(((unit, sign) for unit, sign in _UNITS if size >= 10 * unit), (1.0, ""))
    scaled = value / unit
    digits_shown = 0 if abs(scaled) >= 1000 else 2 if abs(scaled) >= 10 else 3 if abs(scaled) >= 1 else 4
    if step:
        digits_shown = max(digits_shown, min(1 - floor(log10(step / unit)), DECIMALS_MAX))
    text = f"{scaled:,.{digits_shown}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("-0", "0") else text + sign


_UNITS = ((1e9, "bn"), (1e6, "m"))
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
DECIMALS_MAX = 8


def _about_phase(chart: Chart, number: int, phase: DrawnPhase) -> str:
    name = "" if len(chart.phases) == 1 else f"Phase {number} from {chart.points[phase.first].label}: "
    last = chart.points[phase.last]
    limits = ""
    if last.lower is not None and last.upper is not None:
        limits = f", limits {number_in_words(last.lower)} to {number_in_words(last.upper)}"
    why = f" ({phase.reason})" if phase.reason else ""
    centre = f"{ABOUT[chart.chart].centre} {number_in_words(phase.centre)}{limits}{why}."
    return name + centre if name else _begun(centre)


def plain(label: str) -> str:
    """A rule's label without abbreviations, as within a sentence."""
    for short, words in _PLAIN.items():
        label = label.replace(short, words)
    return label[0].lower() + label[1:]


_PLAIN = {
    "Above UCL": "above the upper limit",
    "Below LCL": "below the lower limit",
    "2 in 3 Above CL": "2 of 3 near the upper limit",
    "2 in 3 Below CL": "2 of 3 near the lower limit",
    "7 Points Above CL": "7 or more above the mean",
    "7 Points Below CL": "7 or more below the mean",
    "7 Point Trend (Increasing)": "7 or more rising",
    "7 Point Trend (Decreasing)": "7 or more falling",
}


def _sentence(chart: Chart, signal: Signal) -> str:
    first, last = chart.points[signal.first].label, chart.points[signal.last].label
    return f"{plain(signal.label)}, {f'at {first}' if first == last else f'{first} to {last}'}"


def _begun(sentence: str) -> str:
    return sentence[0].upper() + sentence[1:]
