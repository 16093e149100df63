from __future__ import annotations

from mantissa_aws.parser import CloudTrailFile
from mantissa_core.testing.parser import ParserContract, ParserSample

RECORDS = (
    {"eventID": "1", "requestParameters": {"policyDocument": '{"Statement": [{"Effect": "Allow"}]}'}},
    {"eventID": "2", "requestParameters": None, "resources": [{"ARN": "arn:aws:s3:::b"}]},
    {"eventID": "3", "userAgent": 'a "quoted" \\ text — ü'},
)
BODY = (
    '{"eventID": "1", "requestParameters": {"policyDocument": "{\\"Statement\\": [{\\"Effect\\": \\"Allow\\"}]}"}},'
    '{"eventID": "2", "requestParameters": null, "resources": [{"ARN": "arn:aws:s3:::b"}]},\n'
    '  {"eventID": "3", "userAgent": "a \\"quoted\\" \\\\ text — ü"}'
)


class TestCloudTrailFile(ParserContract):
    samples = (
        ParserSample(f'{{"Records":[{BODY}]}}'.encode(), RECORDS),
        ParserSample(f'{{ "Records" : [\n {BODY}\n]}}\n{{"Records":[{BODY}]}}'.encode(), RECORDS * 2),
        ParserSample(f'{{"Records":[{BODY}, 7]}}'.encode(), RECORDS, rejected=1),
    )

    def make_parser(self) -> CloudTrailFile:
        return CloudTrailFile(CloudTrailFile.Config())
