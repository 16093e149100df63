"""What botocore raises, as what the runtime does next.

Codes: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)
from botocore.parsers import ResponseParserError
from mantissa_core.errors import NeedsOperator, Retry

_THROTTLED = {
    "KMSThrottlingException",
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
}
_PASSING = {"InternalError", "ServiceUnavailable", "RequestTimeout", "RequestTimeTooSkewed", "PreconditionFailed"}
_REMEDIES = {
    "NoSuchBucket": "the bucket does not exist: check bucket and region",
    "AWS.SimpleQueueService.NonExistentQueue": "the queue does not exist: check queue_url and region",
    "QueueDoesNotExist": "the queue does not exist: check queue_url and region",
    "ResourceNotFoundException": "it does not exist: check its name and region",
    "AuthFailure": "the access key is not accepted: create a new one",
    "InvalidAccessKeyId": "the access key does not exist: create a new one",
    "UnrecognizedClientException": "the access key does not exist: create a new one",
    "InvalidClientTokenId": "the access key does not exist: create a new one",
    "SignatureDoesNotMatch": "the secret access key does not belong to the access key",
    "InvalidSignatureException": "the secret access key does not belong to the access key",
    "ExpiredToken": "the session token has expired: use a role or an access key without one",
    "ExpiredTokenException": "the session token has expired: use a role or an access key without one",
    "InvalidToken": "the session token is not valid: use a role or an access key without one",
    "PermanentRedirect": "the bucket lies in another region: set region",
    "AuthorizationHeaderMalformed": "the bucket lies in another region: set region",
    "MessageRejected": "SES rejects the message: verify the sender, and in the sandbox each recipient, in this region",
    "MailFromDomainNotVerifiedException": "the sender's domain is not verified in SES in this region",
    "AccountSuspendedException": "AWS has suspended the account's sending",
    "SendingPausedException": "the account's or the configuration set's sending is paused",
    "InvalidObjectState": "an object lies in an archive (Glacier): restore it, or set since to a later day",
}


_UNUSABLE = (
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)


@contextmanager
def translated(place: str, needs: str) -> Iterator[None]:
    """Turn errors of AWS into ``Retry`` and ``NeedsOperator``.

    ``place`` says what was read, ``needs`` which permissions that takes. Credentials are in none of the messages.
    """
    try:
        yield
    except ClientError as error:
        raise _from_answer(error, place, needs) from None
    except _UNUSABLE as error:
        raise NeedsOperator(f"{place}: {error}: configure access_key_id, role_arn, region or AWS's own files") from None
    except ResponseParserError:
        raise Retry(f"{place}: the answer is cut, or not from AWS") from None
    except BotoCoreError as error:
        raise Retry(f"{place}: {type(error).__name__}: {error}") from None


def code_of(error: ClientError) -> str:
    """AWS's error code, such as ``NoSuchKey``."""
    return str(error.response.get("Error", {}).get("Code", ""))


def wanted(answer: Mapping[str, Any], member: str, place: str) -> Any:
    """A member that every good answer has. boto3 takes a broken one, or another page, for an empty one: ``Retry``."""
    if member not in answer:
        raise Retry(f"{place}: the answer is not AWS's: it has no {member}")
    return answer[member]


def _from_answer(error: ClientError, place: str, needs: str) -> Retry | NeedsOperator:
    code = code_of(error)
    if error.operation_name == "AssumeRole":
        place, needs = f"{place}: role_arn", "sts:AssumeRole on the role, whose trust policy must name it"
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if code in _THROTTLED or status == HTTPStatus.TOO_MANY_REQUESTS:
        return Retry(f"{place}: AWS throttles ({code})")
    if code in _PASSING or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Retry(f"{place}: {code or status}")
    if remedy := _REMEDIES.get(code):
        return NeedsOperator(f"{place}: {remedy} ({code})")
    if status == HTTPStatus.FORBIDDEN or code == "AccessDeniedException":
        return NeedsOperator(f"{place}: access is denied; the identity needs {needs} ({code or status})")
    return NeedsOperator(f"{place}: AWS refuses the request ({code or status})")
