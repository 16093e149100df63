"""Queue and bucket of CrowdStrike, as far as reading them takes it: clients, and what their errors mean.

Codes: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from http import HTTPStatus
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, NoRegionError, ParamValidationError
from botocore.loaders import Loader
from mantissa_core.errors import NeedsOperator, Retry
from pydantic import SecretStr

THROTTLED = frozenset({"RequestThrottled", "SlowDown", "Throttling", "ThrottlingException", "OverLimit"})
PASSING = frozenset({"InternalError", "ServiceUnavailable", "RequestTimeout", "RequestTimeTooSkewed"})
GONE = frozenset({"NoSuchKey", "404"})
REMEDIES = {
    "AWS.SimpleQueueService.NonExistentQueue": "the queue does not exist: check queue_url and region",
    "QueueDoesNotExist": "the queue does not exist: check queue_url and region",
    "NoSuchBucket": "the bucket does not exist any more",
    "InvalidAccessKeyId": "the access key does not exist: reset the feed's credentials",
    "InvalidClientTokenId": "the access key does not exist: reset the feed's credentials",
    "SignatureDoesNotMatch": "secret_access_key does not belong to access_key_id",
    "ExpiredToken": "the credentials have expired: reset the feed's credentials",
    "ExpiredTokenException": "the credentials have expired: reset the feed's credentials",
}


def client(service: str, key: str, secret: SecretStr, region: str, endpoint_url: str, timeout: float) -> Any:
    """A boto3 client. Raises botocore's errors where the settings are of no use."""
    session = botocore.session.Session()
    session.register_component("data_loader", _descriptions())
    made = boto3.Session(botocore_session=session).client(
        service,
        aws_access_key_id=key,
        aws_secret_access_key=secret.get_secret_value(),
        region_name=region,
        endpoint_url=endpoint_url or None,
        config=Config(connect_timeout=timeout, read_timeout=timeout),
    )
    if "json" in made.meta.service_model.resolved_protocol:
        made.meta.events.register("before-parse", _must_be_json)
    return made


@cache
def _descriptions() -> Loader:
    """Descriptions of AWS's services: reading one takes longer than a request, one reading serves every client."""
    return Loader()


@contextmanager
def translated(place: str, needs: str) -> Iterator[None]:
    """Turn errors of AWS into ``Retry`` and ``NeedsOperator``. ``needs`` is the permission that it takes."""
    try:
        yield
    except ClientError as error:
        raise _from_answer(error, place, needs) from None
    except (NoCredentialsError, NoRegionError, ParamValidationError) as error:
        raise NeedsOperator(f"{place}: {error}: check access_key_id, secret_access_key, queue_url and region") from None
    except BotoCoreError as error:
        raise Retry(f"{place}: {type(error).__name__}: {error}") from None


def code_of(error: ClientError) -> str:
    """AWS's error code, such as ``NoSuchKey``."""
    return str(error.response.get("Error", {}).get("Code", ""))


def _from_answer(error: ClientError, place: str, needs: str) -> Retry | NeedsOperator:
    code = code_of(error)
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if code in THROTTLED or status == HTTPStatus.TOO_MANY_REQUESTS:
        return Retry(f"{place}: AWS throttles ({code})")
    if code in PASSING or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Retry(f"{place}: {code or status}")
    if remedy := REMEDIES.get(code):
        return NeedsOperator(f"{place}: {remedy} ({code})")
    if status == HTTPStatus.FORBIDDEN or code == "AccessDeniedException":
        return NeedsOperator(f"{place}: access is denied; the feed's credentials need {needs} ({code or status})")
    return NeedsOperator(f"{place}: AWS refuses the request ({code or status})")


def _must_be_json(operation_model: Any, response_dict: Mapping[str, Any], **_: Any) -> None:
    """botocore takes an answer that is cut for an empty one: a queue without messages."""
    if response_dict["status_code"] != HTTPStatus.OK or not response_dict["body"]:
        return
    try:
        json.loads(response_dict["body"])
    except (ValueError, RecursionError) as error:
        raise Retry(f"{operation_model.name}: the answer is cut, or not from AWS: {error}") from None
