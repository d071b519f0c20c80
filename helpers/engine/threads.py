"""How many threads torch may use: as many as there are processors for this process, and not one more."""

import math
import os
from pathlib import Path

import torch

from helpers.engine.private import pause_openmp

CGROUPS = Path("/sys/fs/cgroup")


def limit_threads() -> int:
    """Limits torch's threads to a container's share of the processors, which torch does not check by itself.

    Changes nothing if OMP_NUM_THREADS is set, which then decides alone. Returns how many threads torch uses.
    """
    share = container_share()
    if share and not os.environ.get("OMP_NUM_THREADS") and math.ceil(share) < torch.get_num_threads():
        torch.set_num_threads(math.ceil(share))
    return torch.get_num_threads()


def container_share(cgroups: Path = CGROUPS) -> float | None:
    """How many processors a Linux control group (cgroup) allows, such as 1.5; None if there is no limit.

    https://docs.kernel.org/admin-guide/cgroup-v2.html (cpu.max), and version 1's cpu.cfs_quota_us.
    """
    try:
        quota, period = (cgroups / "cpu.max").read_text().split()
    except (OSError, ValueError):
        try:
            quota, period = ((cgroups / "cpu" / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
        except OSError:
            return None
    try:
        return int(quota) / int(period) if int(quota) > 0 else None
    except (ValueError, ZeroDivisionError):  # "max"
        return None


def release_workers() -> None:
    """Ends this thread's OpenMP workers; they come back when the thread computes again.

    Each thread that computes gets its own workers. As soon as there are more workers than processors, those of GNU
    OpenMP sleep between two operations instead of spinning, and a run in a second thread takes 1.4 to 1.9 times as long
    (https://gcc.gnu.org/onlinedocs/libgomp/GOMP_005fSPINCOUNT.html).
    """
    pause_openmp()
