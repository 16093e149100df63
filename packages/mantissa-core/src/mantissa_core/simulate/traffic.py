"""The background of CloudTrail: what machines and people do all day, in the order of time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from . import calls, cloudtrail
from .clock import Clock, bustle
from .cloudtrail import Api, Caller, Event
from .company import REGION, Account, Company
from .draw import Draw, Mix

SESSION = timedelta(hours=6)
"""How long temporary credentials are kept here."""

ACCOUNTS = (0.72, 0.22, 0.06)
"""The accounts' shares of the traffic, in the company's order."""

DENIED = 0.004
"""The share of people's calls that are refused, as everywhere."""

Actor = Callable[[datetime, Account], tuple[Caller, Api]]


class Traffic:
    """Draws one event after the other for given moments. Callers are kept for as long as their sessions last."""

    def __init__(self, draw: Draw, company: Company) -> None:
        self._draw = draw
        self._company = company
        self._staff = company.team("platform") + company.team("engineering")
        self._accounts = Mix(list(zip(ACCOUNTS, company.accounts, strict=True)))
        self._actors: Mix[Actor] = Mix([(78, self._workload), (10, self._service), (12, self._pipeline)])
        self._callers: dict[tuple[str, ...], tuple[datetime, Caller]] = {}

    def event(self, when: datetime) -> Event:
        """Something ordinary at ``when``."""
        draw = self._draw
        account = self._accounts.pick(draw)
        if draw.random() < 0.14 * bustle(when):
            caller, api = self._employee(when, account)
            error = _denied(caller, api) if draw.random() < DENIED else None
        else:
            caller, api = self._actors.pick(draw)(when, account)
            error = None
        return cloudtrail.event(draw, caller, when, REGION, api, error)

    def _workload(self, when: datetime, account: Account) -> tuple[Caller, Api]:
        draw = self._draw
        role = draw.choice(account.roles)
        member = draw.choice(role.members)
        caller = self._kept(
            (account.id, role.name, member), when, lambda since: cloudtrail.workload(draw, account, role, member, since)
        )
        mix = calls.INSTANCE if role.kind == "ec2" else calls.FUNCTION
        return caller, mix.pick(draw)(draw, account, member)

    def _service(self, when: datetime, account: Account) -> tuple[Caller, Api]:
        draw = self._draw
        api = calls.SERVICE.pick(draw)(draw, account, "")
        return cloudtrail.service(account.id, _server(api)), api

    def _pipeline(self, when: datetime, account: Account) -> tuple[Caller, Api]:
        draw = self._draw
        caller = self._kept(
            (account.id, "pipeline"),
            when,
            lambda since: cloudtrail.pipeline(
                draw, account, "platform-terraform", f"run-{draw.randrange(9000, 9999)}", since
            ),
        )
        return caller, calls.PIPELINE.pick(draw)(draw, account, "")

    def _employee(self, when: datetime, account: Account) -> tuple[Caller, Api]:
        draw = self._draw
        person = draw.choice(self._staff)
        caller = self._kept(
            (account.id, person.login),
            when,
            lambda since: cloudtrail.employee(draw, account, person, "Developer", since),
        )
        return caller, calls.EMPLOYEE.pick(draw)(draw, account, "")

    def _kept(self, key: tuple[str, ...], when: datetime, make: Callable[[datetime], Caller]) -> Caller:
        since, caller = self._callers.get(key, (None, None))
        if since is None or caller is None or when - since > SESSION:
            since = when - timedelta(seconds=self._draw.randrange(5, 900))
            caller = make(since)
            self._callers[key] = since, caller
        return caller


def background(draw: Draw, company: Company, clock: Clock, count: int) -> Iterator[tuple[datetime, Event]]:
    """``count`` events spread over the clock's days, in the order of time."""
    traffic = Traffic(draw, company)
    for number in range(count):
        when = clock.at((number + draw.random()) / count)
        yield when, traffic.event(when)


def _server(api: Api) -> str:
    """The service that makes a call on its own: it hands credentials to its instances and functions."""
    if api.service == "sts" and api.request:
        return "ec2" if api.request["roleSessionName"].startswith("i-") else "lambda"
    return "delivery.logs"


def _denied(caller: Caller, api: Api) -> tuple[str, str]:
    who = caller.identity.get("arn", caller.account)
    return "AccessDenied", f"User: {who} is not authorized to perform: {api.service}:{api.name}"
