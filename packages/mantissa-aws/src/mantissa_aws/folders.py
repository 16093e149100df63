"""Which folders of a bucket are streams: those inside which keys rise with time.

AWS delivers logs as ``AWSLogs/[<organisation>/]<account>/<service>/<region>/YYYY/MM/DD/<file>``: between two regions
keys are not ordered by time, inside one they nearly are. Flow logs may be delivered with the parts named
(``AWSLogs/aws-account-id=…/aws-service=vpcflowlogs/aws-region=…/year=…/``).
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-examples.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

ALONE = "*"
"""Ends the name of a stream that has the objects of one folder, not those of the folders in it."""
DEEPEST = 12
SERVICES = {
    "aws.cloudtrail": "CloudTrail",
    "aws.config": "Config",
    "aws.guardduty": "GuardDuty",
    "aws.vpc_flow": "vpcflowlogs",
}
"""The folder of a log type below an account's."""

_ACCOUNT = re.compile(r"(?:.*/)?AWSLogs/(?:o-[a-z0-9]{10,32}/)?(?:aws-account-id=)?[0-9]{12}/")
_REGION = re.compile(_ACCOUNT.pattern + r"[^/]+/[^/]+/")
_DATE = re.compile(r"(?:[A-Za-z_]+=)?(?:19|20)[0-9]{2}(?:-?[0-9]{2}){0,2}/")

UNPADDED = "Config"
"""The service whose months and days have no leading zeros (``2025/3/4/``): its keys do not rise with time."""

Children = Callable[[str], Sequence[str]]
"""The folders directly in a folder, as whole prefixes that end with a slash."""


def find(prefix: str, service: str, children: Children) -> Iterator[str]:
    """Yield the streams below ``prefix`` by name, in order.

    A folder whose folders are dates is one stream, whole. Of an account's folders only those of ``service`` count,
    where one is named.
    """
    yield from _find(prefix, service, children, DEEPEST)


def days(folder: str, after: str, children: Children, levels: int = 3) -> Iterator[str]:
    """Yield the folders of days in ``folder``, in the order of time, from that of the key ``after`` on."""
    if levels == 0:
        yield folder
        return
    numbered = {int(name): child for child in children(folder) if (name := _name(folder, child)[:-1]).isdecimal()}
    reached = after.removeprefix(folder).partition("/")[0] if after.startswith(folder) else ""
    first = int(reached) if reached.isdecimal() else 0
    for number in sorted(number for number in numbered if number >= first):
        yield from days(numbered[number], after, children, levels - 1)


def _find(folder: str, service: str, children: Children, levels: int) -> Iterator[str]:
    if _REGION.fullmatch(folder) or levels == 0:
        yield folder
        return
    inside = children(folder)
    if any(_DATE.fullmatch(_name(folder, child)) for child in inside):
        yield folder
        return
    of_account = _ACCOUNT.fullmatch(folder) is not None
    for child in inside:
        if not of_account or is_of(service, _name(folder, child).removesuffix("/")):
            yield from _find(child, service, children, levels - 1)
    if not of_account:
        yield folder + ALONE


def is_of(service: str, name: str) -> bool:
    """Whether a folder ``CloudTrail``, ``CloudTrail-Insight``… is of ``service``; digests hold no events."""
    name = name.removeprefix("aws-service=")
    return (service in ("", name) or name.startswith(f"{service}-")) and not name.endswith("-Digest")


def _name(folder: str, child: str) -> str:
    return child.removeprefix(folder)
