"""What kind of disk a path is on: databases and locks need a local one."""

from __future__ import annotations

import os
import re
from pathlib import Path

NETWORK = frozenset(
    {"nfs", "nfs4", "cifs", "smb", "smbfs", "smb2", "smb3", "afs", "ncpfs", "coda", "davfs"}
    | {"ceph", "glusterfs", "lustre", "gpfs", "beegfs", "orangefs", "gfs2", "ocfs2"}
    | {f"fuse.{name}" for name in ("sshfs", "glusterfs", "ceph-fuse", "rclone", "s3fs", "s3backer", "goofys")}
    | {f"fuse.{name}" for name in ("gcsfuse", "blobfuse", "blobfuse2", "mount-s3", "geesefs", "juicefs", "davfs2")}
)
"""File systems on which another host may write to the same file, as Linux names them in ``/proc/mounts``."""

MOUNTS = Path("/proc/self/mounts")


def network_type(path: Path, mounts: Path = MOUNTS) -> str | None:
    """Name the network file system that holds ``path`` (or would hold it), ``None`` for a local disk.

    Where the system has no table of mounts the answer is ``None``: it cannot be told.
    """
    if str(path).startswith(("\\\\", "//")) and os.name == "nt":
        return "smb"
    try:
        lines = mounts.read_text(errors="surrogateescape").splitlines()
    except OSError:
        return None
    found = _mount_type(Path(os.path.realpath(path)), lines)
    return found if found in NETWORK else None


def _mount_type(path: Path, lines: list[str]) -> str | None:
    """The type of the deepest mount above ``path``; the last one where several are stacked."""
    best, depth = None, -1
    for line in lines:
        _device, point, kind, *_ = line.split(" ")
        mount = Path(re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), point))
        if path.is_relative_to(mount) and len(mount.parts) >= depth:
            best, depth = kind, len(mount.parts)
    return best


def existing_parent(path: Path) -> Path:
    """The nearest folder above ``path`` that exists: what decides whether ``path`` can be created."""
    return next(parent for parent in path.absolute().parents if parent.exists())
