"""Generated process-creation events of Windows machines, and rules of the kind that is written for them.

The events have what makes such logs dear to search: nearly every command line is a text of its own, while images,
users and descriptions repeat. The rules are unpinned: suffixes of images, substrings of command lines, filters.
Both follow the shapes and frequencies of public rule sets; no rule or event of anybody else's is in here.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import pyarrow as pa
from mantissa_core.detect.rules.rule import Rule, parse_rule
from mantissa_core.model import LogType

FIELDS = [
    "Image", "ParentImage", "CommandLine", "ParentCommandLine", "OriginalFileName", "CurrentDirectory", "User",
    "IntegrityLevel", "Hashes", "Company", "Product", "Description", "FileVersion", "ProcessId", "LogonId",
]  # fmt: skip

LOG_TYPE = LogType.model_validate(
    {
        "name": "bench.process",
        "title": "Generated process creations",
        "time": {"path": "UtcTime"},
        "id": {"native": ["ProcessGuid"]},
        "columns": [{"path": name} for name in ["UtcTime", "ProcessGuid", *FIELDS]],
        "overlay": {"user": ["User"]},
        "cluster": ["Image"],
        "sigma": {"logsources": [{"product": "windows", "category": "process_creation"}]},
    }
)


def _words(text: str) -> list[str]:
    return text.split()


SYSTEM = _words(
    "svchost conhost cmd powershell rundll32 regsvr32 taskhostw backgroundTaskHost RuntimeBroker dllhost wmiprvse "
    "sc net net1 ipconfig whoami schtasks reg wevtutil bitsadmin certutil msiexec mshta cscript wscript tasklist "
    "taskkill ping nslookup robocopy xcopy icacls attrib findstr where systeminfo quser netsh vssadmin bcdedit fsutil"
)
PROGRAMS = _words(
    "chrome msedge firefox Teams OneDrive OUTLOOK WINWORD EXCEL Code git node python java 7z Zoom slack AcroRd32 "
    "GoogleUpdate MicrosoftEdgeUpdate TiWorker MsMpEng SearchProtocolHost SearchFilterHost explorer notepad putty"
)
VERBS = _words("Get Set Invoke New Remove Start Stop Import Export Enable Disable Add Out Write Test Register")
STEMS = _words(
    "access account agent archive audit backup base bridge cache cert chain client cloud cluster command config "
    "control cred crypt data debug deploy device domain dump encode event exec export file filter forest ghost grant "
    "group hash host image inject job kernel key launch layer link load local lock log mail map memory mount name net "
    "node object pack pass path pipe policy port power process profile proxy query queue relay remote replica root "
    "scan script secret server service session shadow share shell sign socket spool stage store stream sync system "
    "table task temp thread ticket token trace transfer trust tunnel update user vault volume watch web window zone"
)
HEX = "0123456789abcdef"


def batches(events: int, size: int, seed: int = 11) -> Iterator[pa.RecordBatch]:
    """Yield ``events`` rows as they come from the table, ``size`` at a time."""
    machine = _Machine(Random(seed))
    for begin in range(0, events, size):
        rows = [machine.event() for _ in range(min(size, events - begin))]
        columns = {name: pa.array([row[name] for row in rows], pa.string()) for name in FIELDS}
        yield pa.record_batch({**columns, "m_extra": pa.nulls(len(rows), pa.string())})


class _Machine:
    """Draws process creations; parents are processes that it drew before."""

    def __init__(self, draw: Random) -> None:
        self._draw = draw
        self._images = [f"C:\\Windows\\System32\\{name}.exe" for name in SYSTEM] + [
            f"C:\\Program Files\\{name.title()}\\{name}.exe" for name in PROGRAMS
        ]
        self._weights = [1 / (rank + 1) for rank in range(len(self._images))]
        self._about = {image: self._description(image) for image in self._images}
        self._users = [f"CORP\\{draw.choice(STEMS)}.{draw.choice(STEMS)}" for _ in range(400)]
        self._parents = [(self._images[0], "C:\\Windows\\System32\\svchost.exe -k netsvcs -p")] * 50

    def event(self) -> dict[str, str | None]:
        draw = self._draw
        image = draw.choices(self._images, self._weights)[0]
        user = draw.choice(self._users)
        command = self._command(image, user)
        parent, parent_command = draw.choice(self._parents)
        if draw.random() < 0.3:
            self._parents[draw.randrange(len(self._parents))] = (image, command)
        return {
            "Image": image,
            "CommandLine": command,
            "ParentImage": parent,
            "ParentCommandLine": parent_command,
            "CurrentDirectory": draw.choice(["C:\\Windows\\system32\\", f"C:\\Users\\{user[5:]}\\"]),
            "User": user,
            "IntegrityLevel": draw.choice(["Medium", "High", "System", "System"]),
            "ProcessId": str(draw.randrange(400, 20_000)),
            "LogonId": f"0x{draw.randrange(1 << 24):x}",
            **self._about[image],
        }

    def _command(self, image: str, user: str) -> str:
        """Distinct as real ones are: identifiers, handles, paths below the user's folder, encoded text."""
        draw, parts = self._draw, [f'"{image}"' if " " in image else image]
        for _ in range(draw.randrange(1, 7)):
            word, other = draw.choice(STEMS), draw.choice(STEMS)
            kind = draw.randrange(8)
            parts.append(
                (
                    f"--{word}-{other}={draw.randrange(1 << 20)}",
                    f"/{word}",
                    f"-{word} {other}",
                    f"{{{self._hex(8)}-{self._hex(4)}-{self._hex(4)}-{self._hex(12)}}}",
                    f"C:\\Users\\{user[5:]}\\AppData\\Local\\{word.title()}\\{other}{draw.randrange(99)}.dat",
                    f"{draw.choice(VERBS)}-{word.title()}{other.title()}",
                    f"\\\\.\\pipe\\{word}.{draw.randrange(1 << 16)}",
                    f"--field-trial-handle={draw.randrange(9999)},i,{draw.randrange(1 << 40)}",
                )[kind]
            )
        return " ".join(parts)

    def _description(self, image: str) -> dict[str, str | None]:
        name = image.rsplit("\\", 1)[-1]
        return {
            "OriginalFileName": name.upper() if self._draw.random() < 0.5 else name,
            "Company": self._draw.choice(["Microsoft Corporation", "Google LLC", None]),
            "Product": f"{name} product",
            "Description": f"{name.removesuffix('.exe')} host process",
            "FileVersion": f"10.0.{self._draw.randrange(9999)}.1",
            "Hashes": f"MD5={self._hex(32).upper()},SHA256={self._hex(64).upper()},IMPHASH={self._hex(32).upper()}",
        }

    def _hex(self, digits: int) -> str:
        return "".join(self._draw.choices(HEX, k=digits))


def rules(number: int, seed: int = 12) -> list[Rule]:
    """As many rules; four in five ask for an image and a command line, one in five for the command line alone."""
    draw = Random(seed)
    logsource = {"product": "windows", "category": "process_creation"}
    return [
        parse_rule(
            {
                "title": f"Generated {index}",
                "id": f"00000000-0000-4000-9000-{index:012d}",
                "logsource": logsource,
                "detection": _detection(draw),
            }
        )
        for index in range(number)
    ]


def _detection(draw: Random) -> dict[str, Any]:
    image = [{"Image|endswith": [f"\\{name}" for name in _names(draw)]}, {"OriginalFileName": _names(draw)}]
    command = {"CommandLine|contains": [_literal(draw) for _ in range(draw.choice([1, 1, 2, 3, 6, 12]))]}
    every = {"CommandLine|contains|all": [_literal(draw) for _ in range(draw.choice([2, 2, 3]))]}
    windash = {"CommandLine|contains|windash": [f" -{draw.choice(STEMS)[:3]}{draw.choice(STEMS)} "]}
    parent = {"ParentImage|endswith": [f"\\{name}" for name in _names(draw)]}
    regex = {"CommandLine|re": rf"(?i){draw.choice(STEMS)}{draw.choice(STEMS)}\s+[a-z]{{2,}}\d"}
    kind = draw.random()
    if kind < 0.50:
        return {"image": image, "command": draw.choice([command, command, every]), "condition": "image and command"}
    if kind < 0.60:
        return {"image": image, "command": command, "flag": windash, "condition": "image and command and flag"}
    if kind < 0.70:
        outside = {"Image|startswith": "C:\\Program Files\\"}
        return {"parent": parent, "image": image[0], "filter": outside, "condition": "parent and image and not filter"}
    if kind < 0.90:
        usual = {"ParentImage|endswith": f"\\{draw.choice(PROGRAMS)}.exe"}
        return {"command": draw.choice([command, every]), "filter": usual, "condition": "command and not filter"}
    if kind < 0.95:
        return {"image": image[0], "regex": regex, "condition": "image and regex"}
    if kind < 0.98:
        return {"hash": {"Hashes|contains": f"IMPHASH={''.join(draw.choices(HEX, k=32))}"}, "condition": "hash"}
    return {
        "parent": {"ParentCommandLine|contains": _literal(draw)},
        "image": image[0],
        "condition": "parent and image",
    }


def _names(draw: Random) -> list[str]:
    """File names of programs, most of them not among the events'."""
    usual = [f"{name}.exe" for name in SYSTEM]
    rare = [f"{draw.choice(STEMS)}{draw.choice(STEMS)}.exe" for _ in range(2)]
    return draw.sample([*rare, draw.choice(usual), draw.choice(usual[2:])], draw.choice([1, 2, 2, 3]))


def _literal(draw: Random) -> str:
    """What a rule looks for in a command line: some of it is in every tenth of them, most in none."""
    one, two, three = (draw.choice(STEMS) for _ in range(3))
    return draw.choice(
        [
            f"{draw.choice(VERBS)}-{one.title()}{two.title()}",
            f" --{one}-{two}",
            f"{one}{two}.{three}",
            f"\\{one.title()}\\{two}",
            f"/{one} ",
            f" -{one} {two}",
            f"{one}::{two}",
            f"\\AppData\\Local\\{one.title()}\\",
        ]
    )
