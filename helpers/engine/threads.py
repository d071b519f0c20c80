"""How many threads torch may use: as many as this process has processors, and not one more."""

import math
import os
from pathlib import Path

import torch

from helpers.engine.private import pause_openmp

CGROUPS = Path("/sys/fs/cgroup")


def limit_threads() -> None:
    """Keeps torch to a container's share of the processors, which it does not look at by itself.

    OMP_NUM_THREADS, where somebody has set it, is left to count alone.
    """
    share = container_share()
    if share and not os.environ.get("OMP_NUM_THREADS") and math.ceil(share) < torch.get_num_threads():
        torch.set_num_threads(math.ceil(share))


def container_share(cgroups: Path = CGROUPS) -> float | None:
    """The processors that a Linux control group allows, such as 1.5, or None without a limit.

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
    """Lets this thread's OpenMP workers go; they come back when it computes again.

    Each thread that computes gets workers of its own. As soon as there are more of them than processors, those of GNU's
    OpenMP sleep between two operations instead of spinning, and a run in a second thread takes 1.4 to 1.9 times as long
    (https://gcc.gnu.org/onlinedocs/libgomp/GOMP_005fSPINCOUNT.html).
    """
    pause_openmp()
