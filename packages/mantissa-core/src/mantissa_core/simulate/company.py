"""The company that is simulated: people, offices, accounts and what runs in them. Everything about it is fictional.

Addresses come from the ranges reserved for documentation and benchmarks (RFC 5737, RFC 2544), account numbers from
AWS's documentation, the domain from RFC 2606.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .draw import Draw

DOMAIN = "example.com"
REGION = "eu-west-1"
"""Where the company's machines are."""

FOREIGN_ACCOUNT = "123456789012"
"""The attackers' own account."""

GIVEN = (
    "Alder Aspen Basil Bay Birch Briar Bryony Cedar Clover Coral Fern Flora Hazel Heath Holly Iris Ivy Jasper Juniper "
    "Laurel Linden Lotus Mallow Maple Marigold Moss Myrtle Oak Olive Poppy Reed Robin Rowan Sage Sorrel Tansy Thistle "
    "Willow Wren Yarrow"
)
"""Given names, of plants."""

FAMILY = (
    "Barometer Bellows Bobbin Candlestick Carafe Colander Dial Funnel Gasket Gauge Hinge Inkwell Kettle Ladle Lantern "
    "Latch Lever Locket Mallet Metronome Pendulum Pulley Sextant Shuttle Spindle Spool Sundial Teapot Thimble Toggle "
    "Trivet Whisk"
)
"""Family names, of things."""

TEAMS = (("platform", 8), ("engineering", 34), ("it", 6), ("support", 26), ("sales", 28), ("finance", 18))
"""The teams and how many people are in each."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a request comes from, as Okta describes it: an address, a town, a network."""

    ip: str
    city: str
    state: str
    country: str
    postal: str
    lat: float
    lon: float
    asn: int
    network: str
    proxy: bool = False


@dataclass(frozen=True, slots=True)
class Device:
    """A browser on a machine."""

    browser: str
    os: str
    agent: str


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who works here. ``starts`` is the hour (UTC) at which the working day begins."""

    name: str
    login: str
    okta_id: str
    team: str
    office: Place
    home: Place
    device: Device
    starts: float
    remote: bool

    @property
    def place(self) -> Place:
        """Where the person works from."""
        return self.home if self.remote else self.office


@dataclass(frozen=True, slots=True)
class Role:
    """An IAM role that a workload runs as. ``kind`` says how it gets its credentials."""

    name: str
    principal_id: str
    kind: str
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Account:
    """An AWS account and the names of what is in it. ``versions`` are those of its ``secrets``."""

    id: str
    name: str
    sso_suffix: str
    roles: tuple[Role, ...]
    buckets: tuple[str, ...]
    keys: tuple[str, ...]
    instances: tuple[str, ...]
    functions: tuple[str, ...]
    secrets: tuple[str, ...]
    versions: tuple[str, ...]
    tables: tuple[str, ...]
    groups: tuple[str, ...]
    vpc: str


@dataclass(frozen=True, slots=True)
class Company:
    """All of it. ``accounts`` are production, staging and security, in this order."""

    name: str
    people: tuple[Person, ...]
    accounts: tuple[Account, ...]

    def team(self, name: str) -> tuple[Person, ...]:
        """The people of one team."""
        return tuple(person for person in self.people if person.team == name)


OFFICES = (
    Place("198.51.100.10", "Utrecht", "Utrecht", "Netherlands", "3511", 52.09, 5.12, 64496, "example office network"),
    Place("198.51.100.74", "Leeds", "England", "United Kingdom", "LS1", 53.8, -1.55, 64496, "example office network"),
    Place("198.51.100.138", "Porto", "Porto", "Portugal", "4000", 41.15, -8.61, 64496, "example office network"),
)
DEVICES = (
    Device(
        "CHROME",
        "Mac OS X",
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 "
        "Safari/537.36",
    ),
    Device(
        "CHROME",
        "Windows 11",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 "
        "Safari/537.36",
    ),
    Device("FIREFOX", "Linux", "Mozilla/5.0 (X11; Linux x86_64; rv:146.0) Gecko/20100101 Firefox/146.0"),
    Device(
        "SAFARI",
        "Mac OS X",
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.1 "
        "Safari/605.1.15",
    ),
)

WORKLOADS = (
    ("orders-api", "ec2", 6),
    ("catalogue-api", "ec2", 4),
    ("billing-worker", "ec2", 2),
    ("resize-images", "lambda", 3),
    ("send-receipts", "lambda", 3),
    ("sync-inventory", "lambda", 2),
    ("nightly-reports", "ec2", 1),
)
"""What runs in every account: name, where it runs, how many of it."""


def found(seed: int) -> Company:
    """Found the company of this seed."""
    draw = Draw("company", seed)
    people = tuple(_people(draw))
    names = (("111122223333", "production"), ("444455556666", "staging"), ("777788889999", "security"))
    accounts = tuple(_account(draw, number, name) for number, name in names)
    return Company("Kettle and Lantern", people, accounts)


def _people(draw: Draw) -> Sequence[Person]:
    size = sum(count for _, count in TEAMS)
    names = draw.sample([f"{given} {family}" for given in GIVEN.split() for family in FAMILY.split()], size)
    teams = [team for team, count in TEAMS for _ in range(count)]
    return [_person(draw, number, name, team) for number, (name, team) in enumerate(zip(names, teams, strict=True))]


def _person(draw: Draw, number: int, name: str, team: str) -> Person:
    office = draw.choice(OFFICES)
    address = f"198.18.{number // 250}.{number % 250 + 1}"
    home = Place(
        address, office.city, office.state, office.country, office.postal, office.lat, office.lon, 64501, "example home"
    )
    return Person(
        name=name,
        login=f"{name.lower().replace(' ', '.')}@{DOMAIN}",
        okta_id="00u" + draw.text(17),
        team=team,
        office=office,
        home=home,
        device=draw.choice(DEVICES),
        starts=min(10.5, max(6.5, draw.gauss(8.0, 0.8))),
        remote=draw.random() < 0.4,
    )


def _account(draw: Draw, number: str, name: str) -> Account:
    instances = tuple(f"i-0{draw.hex(16)}" for _ in range(13))
    return Account(
        id=number,
        name=name,
        sso_suffix=draw.hex(16),
        roles=tuple(_roles(draw, instances)),
        buckets=tuple(f"kettle-{name}-{what}" for what in ("images", "invoices", "exports", "logs", "artifacts")),
        keys=tuple(draw.uuid() for _ in range(4)),
        instances=instances,
        functions=tuple(work for work, kind, _ in WORKLOADS if kind == "lambda"),
        secrets=tuple(f"{name}/{what}-{draw.text(6)}" for what in ("orders/db", "billing/db", "mail/smtp", "maps/key")),
        versions=tuple(draw.uuid() for _ in range(4)),
        tables=("orders", "carts", "sessions", "inventory"),
        groups=tuple(f"sg-0{draw.hex(16)}" for _ in range(5)),
        vpc=f"vpc-0{draw.hex(16)}",
    )


def _roles(draw: Draw, instances: tuple[str, ...]) -> Sequence[Role]:
    spare = iter(instances)
    roles = []
    for name, kind, count in WORKLOADS:
        members = tuple(next(spare) if kind == "ec2" else name for _ in range(count))
        roles.append(Role(name, draw.aws_id("AROA"), kind, members))
    return roles
