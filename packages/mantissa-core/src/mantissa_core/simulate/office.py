"""The background of Okta: people who sign in, use their applications and now and then mistype."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from . import okta
from .clock import WEEKEND, Clock
from .company import Company, Person
from .draw import Draw, Mix
from .okta import Event
from .truth import Logged, okta_line

APPS = ("Mail", "Calendar", "Chat", "Tickets", "Wiki", "Payroll", "Source code", "AWS IAM Identity Center", "CRM")
VISITS = Mix(
    [
        (7, ("user.authentication.sso", "/app/saml/sso")),
        (2, ("policy.evaluate_sign_on", "/oauth2/v1/authorize")),
        (2, ("app.oauth2.token.grant.access_token", "/oauth2/v1/token")),
    ]
)
"""What is logged when somebody opens an application, and the address that was asked."""

SIGN_IN = 4
"""Events of one sign-in."""


def office(draw: Draw, company: Company, clock: Clock, count: int) -> list[Logged]:
    """About ``count`` events, of everybody's days."""
    lines = []
    per_person = max(1, count // (clock.days * len(company.people)) - SIGN_IN)
    for number in range(clock.days):
        midnight = clock.day(number)
        for person in company.people:
            if draw.random() < (WEEKEND if midnight.weekday() >= 5 else 0.94):
                lines += _working_day(draw, person, midnight, per_person)
    return lines


def _working_day(draw: Draw, person: Person, midnight: datetime, visits: int) -> list[Logged]:
    begins = midnight + timedelta(hours=person.starts, seconds=draw.randrange(-900, 2700))
    session = okta.session(draw, person)
    lines = [okta_line(when, event) for when, event in _sign_in(draw, session, person, begins)]
    for _ in range(draw.randrange(visits // 2, visits * 3 // 2 + 1)):
        when = begins + timedelta(seconds=draw.randrange(60, 9 * 3600))
        lines.append(okta_line(when, _visit(draw, session, when)))
    if draw.random() < 0.3:
        when = begins + timedelta(hours=9, seconds=draw.randrange(3600))
        lines.append(okta_line(when, okta.event(draw, session, when, "user.session.end", uri="/login/signout")))
    return lines


def _visit(draw: Draw, session: okta.Session, when: datetime) -> Event:
    kind, uri = VISITS.pick(draw)
    name = draw.choice(APPS)
    if kind == "policy.evaluate_sign_on":
        targets = [okta.policy(f"{name}: any two factors"), okta.app(name)]
        reason = "Sign-on policy evaluation resulted in ALLOW"
        return okta.event(draw, session, when, kind, targets, result="ALLOW", reason=reason, uri=uri)
    return okta.event(draw, session, when, kind, [okta.app(name)], uri=uri)


def _sign_in(draw: Draw, session: okta.Session, person: Person, when: datetime) -> Iterator[tuple[datetime, Event]]:
    me: Sequence[okta.Entity] = [okta.user(person)]
    if draw.random() < 0.06:
        early = when - timedelta(seconds=draw.randrange(8, 40))
        yield (
            early,
            okta.event(draw, session, early, "user.session.start", result="FAILURE", reason="INVALID_CREDENTIALS"),
        )
    yield (
        when,
        okta.event(
            draw,
            session,
            when,
            "policy.evaluate_sign_on",
            [okta.policy("Everybody needs a second factor")],
            result="CHALLENGE",
            reason="Sign-on policy evaluation resulted in CHALLENGE",
        ),
    )
    yield when, okta.event(draw, session, when, "system.push.send_factor_verify_push", me)
    confirmed = when + timedelta(seconds=draw.randrange(4, 30))
    yield confirmed, okta.event(draw, session, confirmed, "user.authentication.auth_via_mfa", me)
    risk = {"risk": "{level=LOW}", "behaviors": "{New Geo-Location=NEGATIVE, New Device=NEGATIVE, New IP=NEGATIVE}"}
    yield confirmed, okta.event(draw, session, confirmed, "user.session.start", debug=risk)
