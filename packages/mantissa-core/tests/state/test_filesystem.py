from __future__ import annotations

from pathlib import Path

import pytest
from mantissa_core.state.filesystem import existing_parent, network_type

MOUNTS = """\
/dev/vda1 / ext4 rw,relatime 0 0
proc /proc proc rw 0 0
host:/export /mnt/share nfs4 rw,vers=4.2 0 0
/dev/vdb1 /mnt/share/local xfs rw 0 0
//host/share /mnt/with\\040space cifs rw 0 0
me@host:/ /home/me/remote fuse.sshfs rw 0 0
tmpfs /over tmpfs rw 0 0
host:/over /over nfs rw 0 0
"""


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/var/lib/state.sqlite", None),
        ("/mnt/share/state.sqlite", "nfs4"),
        ("/mnt/share/deep/in/state.sqlite", "nfs4"),
        ("/mnt/share/local/state.sqlite", None),
        ("/mnt/shared/state.sqlite", None),
        ("/mnt/with space/state.sqlite", "cifs"),
        ("/home/me/remote/state.sqlite", "fuse.sshfs"),
        ("/over/state.sqlite", "nfs"),
    ],
)
def test_the_deepest_and_last_mount_above_a_path_counts(tmp_path: Path, path: str, expected: str | None) -> None:
    table = tmp_path / "mounts"
    table.write_text(MOUNTS)
    assert network_type(Path(path), table) == expected


def test_a_symbolic_link_leads_to_the_disk_that_it_points_to(tmp_path: Path) -> None:
    table = tmp_path / "mounts"
    table.write_text(MOUNTS)
    (tmp_path / "state").symlink_to("/mnt/share")
    assert network_type(tmp_path / "state" / "state.sqlite", table) == "nfs4"


def test_without_a_table_of_mounts_nothing_is_refused(tmp_path: Path) -> None:
    assert network_type(tmp_path, tmp_path / "none") is None


def test_the_nearest_folder_that_exists_is_found(tmp_path: Path) -> None:
    assert existing_parent(tmp_path / "a" / "b" / "file") == tmp_path
    assert existing_parent(tmp_path / "file") == tmp_path
