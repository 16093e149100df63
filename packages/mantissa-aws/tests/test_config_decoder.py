from __future__ import annotations

import json

from mantissa_aws.config_file import ConfigFile
from mantissa_core.testing.parser import ParserContract, ParserSample

ITEMS = ({"resourceId": "a", "configuration": {"items": [1]}}, {"resourceId": "b", "configuration": None})
HISTORY = {"fileVersion": "1.0", "configurationItems": ITEMS}
SNAPSHOT = {"fileVersion": "1.0", "configSnapshotId": "1", "configurationItems": ITEMS, "other": []}
NOTIFICATION = {"configurationItemDiff": {"changedProperties": {}}, "configurationItem": ITEMS[0], "messageType": "x"}


class TestConfigFile(ParserContract):
    samples = (
        ParserSample(json.dumps(HISTORY).encode(), ITEMS),
        ParserSample(json.dumps(SNAPSHOT, indent=1).encode(), ITEMS),
        ParserSample(json.dumps({"configurationItems": [*ITEMS, 7]}).encode(), ITEMS, rejected=1),
        ParserSample(json.dumps(NOTIFICATION).encode(), ITEMS[:1]),
    )

    def make_parser(self) -> ConfigFile:
        return ConfigFile(ConfigFile.Config())
