"""Live collection from several sources, under faults and kills: everything is there, once. ``just live`` is longer."""

from pathlib import Path

import pytest
from mantissa_core.testing.live import found, read
from mantissa_core.testing.live_run import Plan, run

ROOT = Path(__file__).resolve().parent.parent
LOSSY = """
from contextlib import contextmanager

from fake_okta import FakeOkta
from mantissa_core.testing.live import Live


class Lossy(FakeOkta):
    def put(self, events, published=None):
        super().put([each for each in events if not each.id.endswith("-2")], published)


@contextmanager
def live():
    with Lossy() as fake:
        tables = {"okta_system": "uuid"}
        yield [Live("okta.system", {"org_url": fake.url}, fake, tables, secrets={"api_token": fake.token})]
"""

HIDING = """
from contextlib import contextmanager

from fake_pubsub import SUBSCRIPTION, FakePubSub
from mantissa_core.testing.live import Live


class Hiding(FakePubSub):
    def __init__(self):
        super().__init__(lambda: float(sum(method == "pull" for method, _ in self.asked)))

    def publish(self, entry):
        message = super().publish(entry)
        if entry["insertId"].endswith("-2"):
            self._free_at[message] = 52.0  # more pulls than there are before the end
        return message


@contextmanager
def live():
    with Hiding() as fake:
        settings = {"subscription": SUBSCRIPTION, "endpoint": fake.url, "timeout": 10}
        tables = {"gcp_audit": '"insertId"'}
        yield [Live("gcp.pubsub", settings, fake, tables, secrets={"credentials": fake.key_file})]
"""


@pytest.mark.parametrize("file", found(ROOT), ids=lambda file: file.parent.parent.name)
def test_what_a_package_offers_names_installed_tables(file):
    from mantissa_core.parse.log_types import LogTypes

    tables = {each.table for each in LogTypes.load()}
    with read(file)() as lives:
        for each in lives:
            assert each.tables.keys() <= tables
            assert each.possible()


def test_nothing_is_lost_or_doubled_under_faults_and_kills(tmp_path):
    files = [ROOT / "plugins" / f"mantissa-{name}" / "tests" / "live.py" for name in ("duo", "github", "okta")]
    outcome = run(files, tmp_path, Plan(hours=0.15, kills=1, fault=0.5, every=120))
    assert [each for each in outcome.compared if not each.equal] == []
    assert sum(each.put for each in outcome.compared) > 60
    assert (outcome.gaps, outcome.dead_letters, outcome.kills) == ([], 0, 1)
    assert outcome.faults.total() > 3


def test_an_event_that_a_source_never_gives_is_missed(tmp_path):
    (tmp_path / "live.py").write_text(LOSSY)
    outcome = run([tmp_path / "live.py"], tmp_path / "home", Plan(hours=0.05, kills=0, fault=0))
    [compared] = outcome.compared
    assert list(compared.missing) == ["okta_system-2"]


def test_what_a_queue_hides_beyond_the_end_is_waited_for(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "packages" / "mantissa-gcp" / "tests")
    (tmp_path / "live.py").write_text(HIDING)
    outcome = run([tmp_path / "live.py"], tmp_path / "home", Plan(hours=0.05, kills=0, fault=0))
    [compared] = outcome.compared
    assert compared.put > 2
    assert compared.equal
