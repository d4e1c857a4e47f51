"""What an invented trust works on: topics with their measures, changes and drivers. All of it is made up."""

from typing import Literal

import msgspec

from events.fields import Direction
from events.measures import ChartKind, MeasureKind

Chart = Literal["i", "p", "c"]


class Gauge(msgspec.Struct, frozen=True, kw_only=True):
    """A measure and how it behaves: around `before`, and around `after` once the changes work."""

    name: str
    kind: MeasureKind
    definition: str
    unit: str
    chart: ChartKind
    direction: Direction
    before: float
    after: float
    out_of: int = 0  # for a share: what it is a share of, each time


class Topic(msgspec.Struct, frozen=True, kw_only=True):
    """A quality issue that teams work on."""

    title: str
    problem: str
    areas: tuple[str, ...]
    gauges: tuple[Gauge, ...]
    drivers: tuple[str, ...]
    ideas: tuple[str, ...]


def share(
    name: str, definition: str, before: float, after: float, out_of: int, kind: MeasureKind = "outcome"
) -> Gauge:
    """A percentage, by numerator and denominator."""
    return Gauge(
        name=name,
        kind=kind,
        definition=definition,
        unit="%",
        chart="p",
        direction="increase" if after >= before else "decrease",
        before=before,
        after=after,
        out_of=out_of,
    )


def number(
    name: str, unit: str, before: float, after: float, chart: ChartKind = "i", kind: MeasureKind = "outcome"
) -> Gauge:
    """A value or a count."""
    return Gauge(
        name=name,
        kind=kind,
        definition=f"{name}, as counted by the team at the end of each period",
        unit=unit,
        chart=chart,
        direction="increase" if after >= before else "decrease",
        before=before,
        after=after,
    )


def unharmed(name: str, level: float, out_of: int) -> Gauge:
    """A balancing measure, which is to stay as it is."""
    return share(name, f"{name}, by a short survey", level, level, out_of, kind="balancing")


TOPICS = (
    Topic(
        title="Shorter waits for a first appointment",
        problem="Half of those referred wait longer than 28 days, and some give up.",
        areas=("service_user_experience", "value"),
        gauges=(
            share(
                "Seen within 28 days", "Share of those referred in the period seen within 28 days", 47, 78, 60
            ),
            number("Days from referral to first appointment", "days", 41, 24, kind="process"),
            unharmed("Staff who find their workload right", 62, 20),
        ),
        drivers=(
            "Referrals are right first time",
            "Every slot is used",
            "People know when and where to come",
        ),
        ideas=(
            "Screen referrals every morning",
            "Text message the day before",
            "One booking list for the whole team",
            "Offer evening slots",
        ),
    ),
    Topic(
        title="Fewer falls",
        problem="People fall on the way to the bathroom at night.",
        areas=("service_user_experience",),
        gauges=(
            number("Falls", "falls", 6.5, 3.2, "c"),
            share(
                "Falls assessment within a day",
                "Share of admissions assessed in time",
                55,
                90,
                24,
                "process",
            ),
            unharmed("People who say they can move freely", 74, 18),
        ),
        drivers=(
            "Risk is known on the first day",
            "The way at night is safe",
            "Everybody speaks up at handover",
        ),
        ideas=("Whiteboard prompt at handover", "Night lights to the bathroom", "A huddle after each fall"),
    ),
    Topic(
        title="Less violence and restraint",
        problem="Incidents cluster in the hour before meals and after visits.",
        areas=("service_user_experience", "staff_experience"),
        gauges=(
            number("Incidents of physical violence", "incidents", 9, 5, "c"),
            share(
                "Days with a safety huddle",
                "Share of days on which the huddle was held",
                30,
                85,
                7,
                "process",
            ),
            unharmed("People who feel safe on the ward", 58, 22),
        ),
        drivers=("Early signs are seen", "The day has a rhythm", "Community meetings talk about safety"),
        ideas=(
            "Safety huddle at ten",
            "Safety cross in the day room",
            "Activity before supper",
            "Quiet room",
        ),
    ),
    Topic(
        title="Joy in work",
        problem="One in three colleagues thinks of leaving.",
        areas=("staff_experience",),
        gauges=(
            share("Colleagues who had a good day", "Share of answers to the daily question", 52, 74, 35),
            number("What-matters conversations", "conversations", 2, 7, "c", "process"),
        ),
        drivers=("People are listened to", "Small things get mended", "We know what we are here for"),
        ideas=(
            "One good thing at the start of the huddle",
            "Pebbles jar",
            "Protected breaks",
            "Buddy for newcomers",
        ),
    ),
    Topic(
        title="Physical health checks for everybody",
        problem="Four in ten people on the caseload have no recorded check in the last year.",
        areas=("population_health",),
        gauges=(
            share("Checks complete", "Share of the caseload with all parts of the check", 58, 86, 90),
            share(
                "Checks offered at review",
                "Share of reviews at which a check was offered",
                40,
                88,
                30,
                "process",
            ),
            unharmed("Reviews that end in time", 81, 26),
        ),
        drivers=("The kit is there", "It is somebody's task", "People see the point of it"),
        ideas=(
            "A trolley for each clinic",
            "Check at the review, not after it",
            "Peer worker explains the check",
        ),
    ),
    Topic(
        title="Medicines right first time",
        problem="Doses are missed or wasted at discharge.",
        areas=("value", "service_user_experience"),
        gauges=(
            share("Missed doses", "Share of doses due that were missed without reason", 4.2, 1.3, 400),
            number("Items destroyed", "items", 58, 19, "c", "process"),
        ),
        drivers=("Stock is known", "Interruptions are rare", "Discharge is planned"),
        ideas=(
            "Red tabard on the round",
            "League table with a prize",
            "Count at the home visit",
            "Order by name",
        ),
    ),
    Topic(
        title="Nobody falls off the waiting list",
        problem="People wait for therapy without hearing from us for months.",
        areas=("service_user_experience", "population_health"),
        gauges=(
            share(
                "Contacted in the last 45 days",
                "Share of those waiting with a contact in 45 days",
                44,
                82,
                110,
            ),
            number("People waiting", "people", 190, 130, kind="process"),
            unharmed("Sessions cancelled by us", 8, 60),
        ),
        drivers=("The list is seen", "Somebody rings", "Groups start often"),
        ideas=("Weekly look at the list", "Caring call script", "Open group on Thursdays"),
    ),
    Topic(
        title="Better nights",
        problem="Observation at night wakes people up.",
        areas=("service_user_experience",),
        gauges=(
            share("People who slept well", "Share of answers in the morning round", 39, 66, 16),
            number("Decibels at the night station", "dB", 57, 46, kind="process"),
        ),
        drivers=("Lights are low", "Doors are quiet", "Evenings calm down"),
        ideas=("Lights down at ten", "Soft closers on the doors", "Choice of night light", "Cocoa hour"),
    ),
    Topic(
        title="A smaller carbon footprint",
        problem="Teams drive to visits that lie in one street.",
        areas=("value", "population_health"),
        gauges=(
            number("Miles driven", "miles", 1240, 860),
            share("Visits planned by place", "Share of visits planned by postcode", 22, 75, 80, "process"),
            unharmed("Visits on time", 77, 60),
        ),
        drivers=("Rounds are planned", "There is another way to travel", "Some visits can be calls"),
        ideas=("Plan by postcode on Fridays", "Two pool bicycles", "Video review for those who like it"),
    ),
    Topic(
        title="Carers are seen",
        problem="Few carers are on the record, and fewer were offered help.",
        areas=("population_health", "service_user_experience"),
        gauges=(
            number("Carers identified", "carers", 9, 31, "c"),
            share(
                "Carers offered support",
                "Share of carers on record offered support",
                28,
                70,
                30,
                "process",
            ),
        ),
        drivers=("We ask", "The record has a place for it", "There is something to offer"),
        ideas=("A carers question on the first visit", "Template on the record", "Carers hub on Tuesdays"),
    ),
    Topic(
        title="Letters people understand",
        problem="Letters are late and full of abbreviations.",
        areas=("service_user_experience", "value"),
        gauges=(
            number("Days until the letter is sent", "days", 19, 6),
            share(
                "Letters in plain words",
                "Share of letters that pass the reading panel",
                31,
                80,
                25,
                "process",
            ),
            unharmed("General practices content with letters", 70, 20),
        ),
        drivers=("Writing is easy", "Templates help", "People read along"),
        ideas=(
            "Write in the session, together",
            "Template with six headings",
            "Reading panel of service users",
        ),
    ),
    Topic(
        title="Equal access",
        problem="Some communities miss appointments four times as often.",
        areas=("population_health",),
        gauges=(
            share(
                "Appointments kept",
                "Share of appointments of the communities concerned that were kept",
                61,
                79,
                70,
            ),
            share(
                "Preferred language known",
                "Share of records with a preferred language",
                48,
                91,
                70,
                "process",
            ),
        ),
        drivers=("We know who is missing", "The place is welcoming", "Language is no barrier"),
        ideas=("Clinic in the community centre", "Call in the preferred language", "Travel vouchers"),
    ),
)

PLACES = (
    "Alder ward",
    "Birch ward",
    "Cedar ward",
    "Dove unit",
    "Elm ward",
    "Fern clinic",
    "Gorse team",
    "Hazel ward",
    "Iris clinic",
    "Juniper team",
    "Kestrel unit",
    "Larch ward",
    "Maple team",
    "Nightingale unit",
    "Oak ward",
    "Poppy clinic",
    "Quince team",
    "Rowan ward",
    "Sorrel team",
    "Tulip clinic",
    "Willow ward",
    "Yarrow team",
)

DIRECTORATES = (
    ("harbour", "Harbour"),
    ("riverside", "Riverside"),
    ("hillfields", "Hillfields"),
    ("forensic", "Forensic Services"),
    ("children", "Children and Young People"),
    ("older-people", "Older People"),
    ("primary-care", "Primary Care and Talking Therapies"),
    ("learning-disability", "Learning Disability"),
    ("corporate", "Corporate Services"),
)

PROFESSIONS = (
    "nursing",
    "medicine",
    "psychology",
    "occupational therapy",
    "social work",
    "administration",
    "pharmacy",
)

IMPROVEMENTS = (
    (
        "A good start to the huddle",
        "The huddle starts with one thing that went well yesterday.",
        "safety huddle",
    ),
    ("A map at the entrance", "A map with colours hangs where people come in.", "process mapping"),
    ("Ten minutes for questions", "Each clinic ends with ten minutes for anybody's questions.", "PDSA"),
    (
        "The board everybody sees",
        "What is waited for stands on a board in the corridor.",
        "visual management board",
    ),
    (
        "Tea before the meeting",
        "Everybody has tea before the community meeting.",
        "Working Together Group",
    ),
    ("Forms nobody needs", "Three forms that nobody read are no longer filled in.", "waste walk"),
    ("Who is on today", "Photographs by the door say who is on duty.", "visual management board"),
    ("Bring your own words", "People write the first line of their care plan themselves.", "co-production"),
)

LEARNED = (
    "Asking the night shift first would have saved a month.",
    "Small tests convinced colleagues that meetings had not.",
    "What worked on one ward needed another time of day on the next.",
    "Data that service users read with us were looked after better.",
    "A sponsor who comes to the huddle clears barriers in days.",
)
