"""The charts there are, what each is for, and how its lines are found."""

from enum import StrEnum

import msgspec

from projections.charts.limits.counts import count
from projections.charts.limits.individuals import individuals, individuals_prime, xmr
from projections.charts.limits.lines import Family
from projections.charts.limits.moving_range import moving_range
from projections.charts.limits.proportions import proportion, proportion_prime
from projections.charts.limits.rare_events import cases_between, time_between
from projections.charts.limits.rates import rate, rate_prime
from projections.charts.limits.run import run
from projections.charts.limits.subgroups import subgroup_mean, subgroup_spread


class ChartType(StrEnum):
    """The charts, by the short names that qicharts2 and PowerBI-SPC use too."""

    RUN = "run"
    XMR = "xmr"
    I = "i"  # noqa: E741 (the field's name)
    MR = "mr"
    I_PRIME = "ip"
    P = "p"
    P_PRIME = "pp"
    U = "u"
    U_PRIME = "up"
    C = "c"
    G = "g"
    T = "t"
    XBAR = "xbar"
    S = "s"


class About(msgspec.Struct, frozen=True):
    """What a chart is called, what its centre line is, what it shows, and how its lines are found."""

    name: str
    centre: str
    shows: str
    lines: Family


ABOUT: dict[ChartType, About] = {
    ChartType.RUN: About("Run chart", "median", "any measure over time, about its median", run),
    ChartType.XMR: About("XmR chart", "mean", "individual values, as Making Data Count draws them", xmr),
    ChartType.I: About("I chart", "mean", "individual values, as Shewhart charts in qicharts2", individuals),
    ChartType.MR: About(
        "MR chart", "mean moving range", "how far each value lies from the one before", moving_range
    ),
    ChartType.I_PRIME: About(
        "I′ chart", "weighted mean", "ratios of unequal denominators", individuals_prime
    ),
    ChartType.P: About("P chart", "mean proportion", "how many of how many", proportion),
    ChartType.P_PRIME: About("P′ chart", "mean proportion", "how many of very many", proportion_prime),
    ChartType.U: About("U chart", "mean rate", "how many per how much", rate),
    ChartType.U_PRIME: About("U′ chart", "mean rate", "how many per very much", rate_prime),
    ChartType.C: About("C chart", "mean count", "how many, with equal opportunity", count),
    ChartType.G: About("G chart", "median", "cases between rare events", cases_between),
    ChartType.T: About("T chart", "mean time between", "time between rare events", time_between),
    ChartType.XBAR: About("Xbar chart", "mean", "the means of subgroups", subgroup_mean),
    ChartType.S: About("S chart", "mean standard deviation", "the spread within subgroups", subgroup_spread),
}
