"""On which kind of file system a folder is, as far as the system tells (Linux: proc_pid_mountinfo(5))."""

from __future__ import annotations

import os
from pathlib import Path

_MOUNTS = Path("/proc/self/mountinfo")
_NETWORK = frozenset(
    ["nfs", "nfs4", "cifs", "smb3", "9p", "afs", "fuse.sshfs", "fuse.rclone", "fuse.s3fs", "fuse.gcsfuse"]
)


def network_file_system(folder: Path) -> str | None:
    """The kind of file system, such as `nfs4`, if it is one of those that keep their files on another machine.

    Locks (flock(2)) and fsync there depend on how both machines were set up. None: another, or it cannot be told.
    """
    try:
        lines = _MOUNTS.read_text(errors="surrogateescape").splitlines()
        number = os.stat(folder).st_dev
    except OSError:
        return None
    device = f"{os.major(number)}:{os.minor(number)}"
    for line in lines:
        mount, _, rest = line.partition(" - ")
        if mount.split()[2] == device and (kind := rest.split()[0]) in _NETWORK:
            return kind
    return None
