from __future__ import annotations

import gzip
import json
from io import BytesIO
from typing import Any

import pytest
from mantissa_aws import vpc_flow_parquet
from mantissa_aws.vpc_flow import VERSION_2, VpcFlowFile
from mantissa_core.model import Blob
from mantissa_core.parse.compression import open_blob
from pydantic import ValidationError
from test_vpc_flow_decoder_contract import FLOW, LINE, parquet


def decode(content: bytes, **settings: Any) -> tuple[list[Any], list[str]]:
    """Events and the reasons of rejections."""
    decoder = VpcFlowFile(VpcFlowFile.Config.model_validate(settings))
    steps = list(decoder.decode(open_blob(Blob("o", "k", lambda: BytesIO(content)))))
    events = [json.loads(record) for step in steps for record in step.records]
    return events, [each.reason for step in steps for each in step.rejected]


def test_a_configured_format_reads_text_without_a_header() -> None:
    settings = {"format": "${srcaddr} ${flow-direction} ${bytes}"}
    assert decode(b"10.0.0.1 egress 7\n- ingress -\n", **settings) == (
        [{"srcaddr": "10.0.0.1", "flow-direction": "egress", "bytes": 7}, {"flow-direction": "ingress"}],
        [],
    )


def test_a_header_counts_more_than_the_configured_format() -> None:
    content = f"{VERSION_2}\n{LINE}\n".encode()
    assert decode(content, format="srcaddr")[0] == [FLOW]


def test_lowercase_values_are_no_header() -> None:
    assert decode(b"egress us-east-1\n", format="flow-direction region")[0] == [
        {"flow-direction": "egress", "region": "us-east-1"}
    ]


def test_what_is_no_number_stays_what_it_is() -> None:
    events, _ = decode(b"007 1e3 99999999999999999999 -1\n", format="bytes packets srcport protocol")
    assert events == [{"bytes": "007", "packets": "1e3", "srcport": "99999999999999999999", "protocol": "-1"}]


def test_lines_of_firehose_are_read() -> None:
    content = json.dumps({"message": LINE}) + "\n" + json.dumps({"text": LINE}) + "\n"
    events, reasons = decode(content.encode())
    assert events == [FLOW]
    assert reasons == ["neither a flow log's line nor an object with one as 'message'"]


def test_a_damaged_archive_keeps_its_good_lines() -> None:
    packed = gzip.compress(f"{VERSION_2}\n{LINE}\n".encode() * 2000, mtime=0)
    events, reasons = decode(packed[: len(packed) // 2])
    assert events
    assert all(event == FLOW for event in events)
    assert "ends in the middle" in reasons[-1]


def test_parquet_comes_in_steps_and_goes_on_from_any_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vpc_flow_parquet, "ROWS_PER_STEP", 4)
    content = parquet(*({**FLOW, "bytes": number} for number in range(10)))
    decoder = VpcFlowFile(VpcFlowFile.Config())
    for offset in range(11):
        steps = list(decoder.decode(Blob("o", "k", lambda: BytesIO(content), offset)))
        assert [json.loads(record)["bytes"] for step in steps for record in step.records] == list(range(offset, 10))
        assert [at for step in steps for at in step.positions] == list(range(offset, 10))


@pytest.mark.parametrize("text", ["", "${srcaddr} ${srcaddr}", "srcaddr,dstaddr", "Src"])
def test_a_format_that_names_no_fields_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="field names"):
        VpcFlowFile.Config(format=text)
