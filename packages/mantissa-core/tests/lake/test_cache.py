from __future__ import annotations

import os
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from mantissa_core.lake.cache import Cache
from mantissa_core.lake.storage import Storage


@pytest.fixture
def remote(tmp_path: Path) -> Storage:
    storage = Storage.open(tmp_path / "remote", {})
    for n in range(4):
        storage.put(f"t/dt=2025-01-0{n + 1}/part-{n}.parquet", bytes([n]) * 100)
    return storage


def name(n: int) -> str:
    return f"t/dt=2025-01-0{n + 1}/part-{n}.parquet"


def test_a_copy_keeps_its_name_and_is_fetched_once(remote: Storage, tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    copy = cache.fetch(remote, name(1))
    assert (copy, copy.read_bytes()) == (tmp_path / "cache" / name(1), b"\x01" * 100)
    assert stat.S_IMODE(copy.stat().st_mode) == 0o444
    remote.delete(name(1))
    assert cache.fetch(remote, name(1)) == copy


def test_the_copies_used_longest_ago_are_evicted(
    remote: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = Cache(tmp_path / "cache", limit=250)
    for n in range(3):
        os.utime(cache.fetch(remote, name(n)), (n, n))
    cache.fetch(remote, name(3))
    assert sorted(path.name for path in (tmp_path / "cache").rglob("*.parquet")) == ["part-2.parquet", "part-3.parquet"]


def test_a_copy_in_use_is_not_evicted(remote: Storage, tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache", limit=1)
    first = cache.fetch(remote, name(0))
    cache.fetch(remote, name(1))
    assert first.exists()


def test_a_download_that_fails_leaves_nothing(remote: Storage, tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    with pytest.raises(FileNotFoundError):
        cache.fetch(remote, "t/part-9.parquet")
    assert [path for path in (tmp_path / "cache").rglob("*") if path.is_file()] == []


def test_many_readers_may_fetch_one_file_at_once(remote: Storage, tmp_path: Path) -> None:
    cache, together = Cache(tmp_path / "cache"), threading.Barrier(6)

    def read(_: int) -> bytes:
        together.wait()
        return cache.fetch(remote, name(2)).read_bytes()

    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(read, range(6))) == {b"\x02" * 100}
    assert [path.name for path in (tmp_path / "cache").rglob("*") if path.is_file()] == ["part-2.parquet"]
