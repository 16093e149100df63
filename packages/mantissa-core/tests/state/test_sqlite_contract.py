from collections.abc import Callable
from pathlib import Path

import pytest
from mantissa_core.state.sqlite import SQLite
from mantissa_core.testing.state_store import StateStoreContract


class TestSQLite(StateStoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> SQLite:
        return SQLite(SQLite.Config(path=tmp_path / "state" / "state.sqlite"))

    @pytest.fixture
    def reopen(self, store: SQLite) -> Callable[[], SQLite]:
        def again() -> SQLite:
            store.close()
            return SQLite(SQLite.Config(path=store.path))

        return again
