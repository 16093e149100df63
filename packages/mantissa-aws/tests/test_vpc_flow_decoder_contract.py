from __future__ import annotations

from io import BytesIO

import pyarrow as pa
import pyarrow.parquet as pq
from mantissa_aws.vpc_flow import VpcFlowFile
from mantissa_core.testing.parser import ParserContract, ParserSample

FLOW = {
    "version": 2,
    "account-id": "123456789012",
    "interface-id": "eni-0a1b2c3d",
    "srcaddr": "203.0.113.12",
    "dstaddr": "10.20.1.15",
    "srcport": 49761,
    "dstport": 22,
    "protocol": 6,
    "packets": 20,
    "bytes": 4249,
    "start": 1741079702,
    "end": 1741079762,
    "action": "REJECT",
    "log-status": "OK",
}
LINE = "2 123456789012 eni-0a1b2c3d 203.0.113.12 10.20.1.15 49761 22 6 20 4249 1741079702 1741079762 REJECT OK"
NODATA = "2 123456789012 eni-0a1b2c3d - - - - - - - 1741079702 1741079762 - NODATA"
SILENT = {key: FLOW[key] for key in ("version", "account-id", "interface-id", "start", "end")} | {
    "log-status": "NODATA"
}


class TestVpcFlowText(ParserContract):
    translated = True
    samples = (
        ParserSample(f"{' '.join(FLOW)}\n{LINE}\n{NODATA}\n".encode(), (FLOW, SILENT)),
        ParserSample(f"{LINE}\n2 too short\n{LINE}\n".encode(), (FLOW, FLOW), rejected=1),
        ParserSample(
            b"srcaddr tcp-flags a-new-field\n10.0.0.1 2 x\nbytes action\n7 ACCEPT\n",
            ({"srcaddr": "10.0.0.1", "tcp-flags": 2, "a-new-field": "x"}, {"bytes": 7, "action": "ACCEPT"}),
        ),
    )

    def make_parser(self) -> VpcFlowFile:
        return VpcFlowFile(VpcFlowFile.Config())


def parquet(*flows: dict[str, object]) -> bytes:
    file = BytesIO()
    names = sorted({name for flow in flows for name in flow})
    pq.write_table(pa.table({name.replace("-", "_"): [flow.get(name) for flow in flows] for name in names}), file)
    return file.getvalue()


class TestVpcFlowParquet(ParserContract):
    translated = True
    samples = (ParserSample(parquet(FLOW, SILENT), (FLOW, SILENT)),)

    def make_parser(self) -> VpcFlowFile:
        return VpcFlowFile(VpcFlowFile.Config())
