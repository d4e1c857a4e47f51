"""What the subjects of the published history are: projects, programmes, forums, training, or none of these.

A subject is a name that groups facts about one thing. The pages do not say what kind of thing it is, so this
table does, by reading. Its slug is the id of its stream: `Safer Wards` is `project/safer-wards`.
A subject that is not here (a fact added later) is placed by the kind of its fact.
"""

import re
import unicodedata

import msgspec

PROJECTS = {
    "RWK": (
        "ADHD assessment waiting time",
        "Access to CMHT buildings, Central Beds",
        "Big I involvement, London CHS",
        "Bridging the Bedford Gap",
        "CAMHS Triple Aim",
        "City & Hackney Home Treatment Team",
        "City & Hackney Triple Aim",
        "City & Hackney referral and assessment wait",
        "Disciplinary process",
        "East London Memory Services access",
        "Eating disorder service capacity and flow",
        "Enjoying Work, Luton Wellbeing Service",
        "Enjoying Work, QI team",
        "First contact with psychology, Luton",
        "Flip the Triangle",
        "Forensic receptions",
        "Forensics carers' experience",
        "Forensics patient flow",
        "Genetic testing in routine practice",
        "Hackney carers project",
        "Identification of informal carers, Tower Hamlets",
        "Ivory ward length of stay",
        "Leadenhall ward length of stay",
        "Leighton Buzzard Triple Aim",
        "Let's talk about Sex project",
        "Luton Crisis Team medication waste",
        "MSK physiotherapy non-attendance",
        "Missed doses league table",
        "Neuropsychological assessment time",
        "Newham psychological services access",
        "Psychology group attendance",
        "Psychology waiting times",
        "Safer Wards",
        "Service user and carer involvement in QI, Tower Hamlets",
        "Service user and carer role plays",
        "Support to informal carers, Newham",
        "Woodberry Ward lifestyle project",
        "Woodberry Ward self-catering",
    ),
    "RV3": (
        "Access to clinical space",
        "Beatrice Place falls",
        "Caseload contact, Westminster North",
        "Danube Ward length of stay",
        "Delirium detection",
        "Domestic abuse screening",
        "Ellington Ward falls",
        "Happy Doc",
        "Harrow CAMHS referral to treatment",
        "Medicines spend",
        "Mugs for cups",
        "Physical health assessment on admission",
        "Pond Ward flow",
        "Psychiatry trainee experience",
        "Risk feeding passport",
        "Service user and carer involvement in QI",
    ),
}

PROGRAMMES = {
    "RWK": (
        "CAMHS access and flow collaborative",
        "CMHT redesign",
        "City & Hackney Violence Reduction Collaborative",
        "Community Mental Health Transformation",
        "ELFT QI programme",
        "Enjoying Work",
        "Environmental sustainability programme",
        "Forensics Violence Reduction Collaborative",
        "Green ELFT",
        "Improving Access to Services",
        "Improving Equity Programme",
        "Newham Violence Reduction Collaborative",
        "Optimising Flow (2021)",
        "Optimising Flow, phase one",
        "Optimising Flow, phase two (CAMHS)",
        "Pursuing Equity",
        "Pursuing Equity, phase three",
        "Pursuing Equity, phase two",
        "QI in Bedfordshire & Luton",
        "Service user accreditation programme",
        "Systems Flow Programme",
        "Therapeutic engagement and observations",
        "Tower Hamlets Violence Reduction Collaborative",
        "Triple Aim",
        "Violence reduction, trust-wide",
    ),
    "RV3": (
        "CNWL QI programme",
        "CNWL falls programme",
        "CNWL violence reduction programme",
        "Improvement Academy",
        "Improvement Collaborative",
        "Improving Flow Spreadathon",
        "Seclusion QI programme",
    ),
}

FORUMS = {
    "RWK": ("Bedfordshire community mental health QI Forum", "Community QI Forum", "Crisis Pathway QI Forum"),
    "RV3": ("QI Coach Forum",),
}

COURSES = {
    "RWK": (
        "Improvement Coaching Programme",
        "Improvement Science in Action",
        "QI training for service users and carers",
        "Shifting the Limits",
        "Using QI to Tackle Inequity workshop",
    ),
    "RV3": (
        "Bitesize QI",
        "Improvement Coach Development Programme",
        "Improvement Leaders apprenticeship",
        "Level 2 QI training",
    ),
}
HELD_OFTEN = frozenset({"Bitesize QI"})  # each opening is a cohort of its own; other courses name theirs

COHORTS = {
    "RV3": ("Improvement Collaborative 2024", "QI Practicum 2019", "QI Practicum 2021")
}  # and all called `wave`

STRATEGIES = {
    "RWK": (
        "Climate and ecological emergency pledge",
        "ELFT strategy 2018",
        "ELFT strategy 2021",
        "Research and Innovation vision",
    ),
    "RV3": ("CNWL clinical strategy",),
}

# Names for several things at once, or for all of a kind.
OTHERWISE = {
    ("RWK", "Violence Reduction Collaboratives"): (
        "programme/newham-violence-reduction-collaborative",
        "programme/city-hackney-violence-reduction-collaborative",
    ),
    ("RWK", "QI Forums"): ("programme/elft-qi-programme",),
}

# The first fact of each project that no `project_started` or `project_reported` fact makes known, so that the project
# has its title and place from there on. Among them are the first tests of programmes (see `public_history.py`).
MAKES_KNOWN = frozenset(
    (
        "cnwl-0005",
        "cnwl-0051",
        "cnwl-0083",
        "cnwl-0084",
        "cnwl-0117",
        "cnwl-0120",
        "elft-0011",
        "elft-0013",
        "elft-0016",
        "elft-0040",
        "elft-0043",
        "elft-0074",
        "elft-0085",
        "elft-0086",
        "elft-0120",
        "elft-0122",
        "elft-0125",
        "elft-0126",
        "elft-0127",
        "elft-0128",
        "elft-0145",
        "elft-0147",
        "elft-0195",
        "elft-0244",
        "elft-0287",
        "elft-0293",
        "elft-0306",
        "elft-0323",
    )
)

_WAVE = re.compile(r"(?P<course>.+?),? (?:wave|cohort) (?P<number>[0-9]{1,3})")
_YEAR = re.compile(r"(?P<course>.+) (?P<year>20[0-9]{2})")
_TABLES = (
    ("project", PROJECTS),
    ("programme", PROGRAMMES),
    ("forum", FORUMS),
    ("course", COURSES),
    ("cohort", COHORTS),
    ("strategy", STRATEGIES),
)


def slug(name: str) -> str:
    """A name as an id: small letters, digits and hyphens, at most 64. `City & Hackney` is `city-hackney`."""
    plain = unicodedata.normalize("NFKD", name.lower()).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.replace("'", "")).strip("-")[:64].rstrip("-")


class Cohort(msgspec.Struct, frozen=True):
    """A wave or cohort: its own id, that of its training programme, and which in a row it is."""

    id: str
    course: str
    number: int | None = None


def cohort_of(subject: str, written: str) -> Cohort:
    """The cohort that a subject names. A course held often, without names for its cohorts, has one for each date."""
    if found := _WAVE.fullmatch(subject):
        return Cohort(slug(subject), slug(found["course"]), int(found["number"]))
    if found := _YEAR.fullmatch(subject):
        return Cohort(slug(subject), slug(found["course"]))
    return Cohort(f"{slug(subject)}-{written}" if subject in HELD_OFTEN else slug(subject), slug(subject))


def kind_of(organisation: str, subject: str) -> str | None:
    """What a subject is, by the tables above; None for a theme, or for one that is not there."""
    for kind, table in _TABLES:
        if subject in table.get(organisation, ()):
            return kind
    return "cohort" if _WAVE.fullmatch(subject) else None


def is_training(organisation: str, subject: str) -> bool:
    """Whether a subject is a training programme or one of its cohorts."""
    return kind_of(organisation, subject) in ("course", "cohort")


def streams_of(organisation: str, subject: str) -> tuple[str, ...]:
    """The streams a subject stands for: one, several for a name of several things, none for a mere theme."""
    if several := OTHERWISE.get((organisation, subject)):
        return several
    kind = kind_of(organisation, subject)
    return () if kind is None else (f"{kind}/{slug(subject)}",)
