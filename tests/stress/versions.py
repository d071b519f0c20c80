"""Installs the oldest versions that requirements.txt admits, or the newest, in a fresh environment, and tests them.

python3 tests/stress/versions.py oldest     # unit tests, and the first lesson
python3 tests/stress/versions.py newest
"""

import os
import re
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

SIDE_BY_SIDE = ("-n", "2", "--dist", "loadfile")
ROOT = Path(__file__).resolve().parents[2]
TESTS = {
    "oldest": [
        "tests",
        "notebooks/00_start_here.ipynb",
        "--ignore=tests/browser",
        "--ignore=tests/notebooks",
        "--ignore=tests/stress",
    ],
    "newest": ["tests", "notebooks", "--ignore=tests/stress"],
}


def requirements(which: str) -> list[str]:
    """requirements.txt as it is, or with each lower bound as the version."""
    lines = [line.split("#")[0].strip() for line in (ROOT / "requirements.txt").read_text().splitlines()]
    lines = [line for line in lines if line and not line.startswith("-")]
    return [re.sub(r">=([\d.]+).*", r"==\1.*", line) for line in lines] if which == "oldest" else lines


def main(which: str) -> int:
    """Returns the exit code of the tests."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = str(Path(folder, "bin", "python"))
        subprocess.run([python, "-m", "pip", "install", "-q", *requirements(which), "-e", str(ROOT)], check=True)
        subprocess.run([python, "-m", "pip", "list"], check=True)
        tests = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *SIDE_BY_SIDE, *TESTS[which]]
        return subprocess.call(tests, cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"})


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in TESTS:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
