"""A credential that its vendor replaces at each use survives in the instance's own secret store."""

import pytest
from mantissa_core import Runtime, catalog
from mantissa_core.hookspecs import Collector, PluginConfig, hookimpl
from mantissa_core.model import Page, Stream
from mantissa_core.stored_secret import StoredSecret


class Rotating:
    """Replaces its credential at each read."""

    class Config(PluginConfig):
        refresh_token: StoredSecret
        """What the vendor replaces."""

    def __init__(self, config):
        self._token = config.refresh_token

    @hookimpl
    def streams(self):
        return [Stream("events", "generic.json", windowed=False)]

    @hookimpl
    def read(self, stream, window, state):
        value, version = self._token.read()
        self._token.replace(f"{value}-next", version)
        yield Page({"used": "yes"}, [{"message": "read"}])

    @hookimpl
    def check(self):
        raise RuntimeError(f"refused: {self._token.read()[0]}")


@pytest.fixture
def home(tmp_path, monkeypatch):
    load = catalog.load
    monkeypatch.setattr(catalog, "load", lambda group, name: Rotating if name == "acme.rotating" else load(group, name))
    (tmp_path / "mantissa.toml").write_text(
        '[collectors.acme]\nplugin = "acme.rotating"\nrefresh_token = "secret://acme"\n'
    )
    return tmp_path


def stored(home):
    with Runtime.open(home) as runtime:
        return runtime.secrets.get_secret("acme")


def test_each_start_goes_on_from_what_the_last_one_stored(home):
    with Runtime.open(home) as runtime:
        runtime.secrets.put_secret("acme", "first", None)
    for expected in ("first-next", "first-next-next"):
        with Runtime.open(home) as runtime:
            assert [each.ingested.rows for each in runtime.collect()] == [1]
        assert stored(home).value == expected


def test_the_successor_stays_out_of_errors_too(home):
    with Runtime.open(home) as runtime:
        runtime.secrets.put_secret("acme", "first", None)
        list(runtime.collect())
        with pytest.raises(Exception, match=r"refused: \*\*\*") as raised:
            runtime.host.check(Collector, "acme")
        assert "first" not in str(raised.value)
