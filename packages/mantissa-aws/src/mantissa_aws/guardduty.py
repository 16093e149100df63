"""GuardDuty's findings, from its API.

Reference: https://docs.aws.amazon.com/guardduty/latest/APIReference/API_ListFindings.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, ClassVar

import msgspec
from mantissa_core.errors import NeedsOperator, Retry
from mantissa_core.hookspecs import hookimpl
from mantissa_core.model import Page, Stream, Window
from pydantic import Field

from .errors import translated, wanted
from .session import Access, client

MOST = 50
"""Findings that one request may ask for."""
_NEEDS = "guardduty:ListDetectors, guardduty:ListFindings and guardduty:GetFindings"


class GuardDutyCollector:
    """Collects the findings that were made or updated in a window. Every detector of the region is a stream.

    A finding is updated in place: what is read is its newest version. Findings are handed over as the API writes
    them, not as boto3 knows them, so that members which are newer than boto3 are kept.
    """

    log_types: ClassVar[tuple[str, ...]] = ("aws.guardduty",)

    class Config(Access):
        """Settings of ``aws.guardduty``."""

        overlap_minutes: float = Field(default=15, ge=0, le=1440)
        """How late a finding may appear, by its time of update, and still be found."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._place = f"GuardDuty in {config.region or 'the default region'}"

    @cached_property
    def _guardduty(self) -> Any:
        api = client("guardduty", self._config)
        api.meta.events.register("before-parse.guardduty.GetFindings", _keep_answer)
        return api

    @hookimpl
    def check(self) -> None:
        """List the detectors, and one finding."""
        for stream in self.streams():
            with self._translated():
                self._guardduty.list_findings(DetectorId=stream.name, MaxResults=1)

    @hookimpl
    def streams(self) -> Sequence[Stream]:
        """One stream for each detector: there is one in a region where GuardDuty is on."""
        with self._translated():
            pages = self._guardduty.get_paginator("list_detectors").paginate()
            detectors = [each for page in pages for each in wanted(page, "DetectorIds", self._place)]
        if not detectors:
            raise NeedsOperator(f"{self._place} is off: switch it on, or set region")
        overlap = timedelta(minutes=self._config.overlap_minutes)
        return [Stream(each, "aws.guardduty", overlap=overlap) for each in detectors]

    @hookimpl
    def read(self, stream: Stream, window: Window, state: Mapping[str, object]) -> Iterator[Page]:
        """List the findings of the window and get them, fifty at a time."""
        ids = self._ids(stream.name, window)
        following = next(ids, None)
        while following is not None:
            batch, following = following, next(ids, None)
            if batch:
                yield Page({}, records=self._findings(stream.name, batch), more=following is not None)

    def _ids(self, detector: str, window: Window) -> Iterator[Sequence[str]]:
        updated = {"GreaterThanOrEqual": _milliseconds(window.start), "LessThan": _milliseconds(window.end)}
        with self._translated():
            pages = iter(
                self._guardduty.get_paginator("list_findings").paginate(
                    DetectorId=detector,
                    FindingCriteria={"Criterion": {"updatedAt": updated}},
                    SortCriteria={"AttributeName": "updatedAt", "OrderBy": "ASC"},
                    PaginationConfig={"PageSize": MOST},
                )
            )
        while True:
            with self._translated():
                page = next(pages, None)
            if page is None:
                return
            yield wanted(page, "FindingIds", self._place)

    def _findings(self, detector: str, ids: Sequence[str]) -> list[bytes]:
        with self._translated():
            answer = self._guardduty.get_findings(DetectorId=detector, FindingIds=list(ids))
        try:
            return [bytes(finding) for finding in _ANSWER.decode(answer[_AS_SENT]).findings]
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Retry(f"{self._place}: GetFindings answered with something else than findings: {error}") from None

    def _translated(self) -> AbstractContextManager[None]:
        return translated(self._place, _NEEDS)


_AS_SENT = "MantissaAsSent"


def _keep_answer(response_dict: Mapping[str, Any], customized_response_dict: dict[str, Any], **_: Any) -> None:
    """Give the answer's body to the caller, whom boto3 gives only the members that it knows."""
    customized_response_dict[_AS_SENT] = response_dict["body"]


def _milliseconds(when: datetime) -> int:
    return round(when.timestamp() * 1000)


class _Answer(msgspec.Struct, gc=False):
    findings: list[msgspec.Raw]


_ANSWER = msgspec.json.Decoder(_Answer)
