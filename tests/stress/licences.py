"""Lists everything that requirements.txt brings along, with its licence, and ends with 1 where one clashes with MIT.

.venv/bin/python tests/stress/licences.py
"""

import re
import sys
from importlib import metadata
from pathlib import Path

REQUIREMENTS = Path(__file__).resolve().parents[2] / "requirements.txt"

# What code under MIT cannot be built upon. The LGPL and the MPL can be: they ask nothing of what merely uses them.
CLASHING = re.compile(r"(?<!L)(?<!Lesser )(A?GPL|GNU (Affero )?General Public)", re.IGNORECASE)


def name_of(requirement: str) -> str:
    """'torch>=2.4,<3' -> 'torch'"""
    return re.match(r"[\w.-]+", requirement).group().lower().replace("_", "-")


def installed_tree() -> dict[str, metadata.Distribution]:
    """Name -> distribution, for the requirements and what they require in turn on this machine."""
    lines = [line.split("#")[0].strip() for line in REQUIREMENTS.read_text().splitlines()]
    waiting = [name_of(line) for line in lines if line and not line.startswith("-")]
    found: dict[str, metadata.Distribution] = {}
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        try:
            found[name] = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue  # for another system, or an extra that was not asked for
        waiting += [name_of(line) for line in found[name].requires or [] if "extra ==" not in line]
    return found


def licence_of(package: metadata.Distribution) -> str:
    """What a package says of its licence, in a few words."""
    said = package.metadata
    classes = [line.split(" :: ")[-1] for line in said.get_all("Classifier", []) if line.startswith("License ::")]
    text = said.get("License-Expression") or ", ".join(classes) or said.get("License") or ""
    return text.strip().splitlines()[0][:60] if text.strip() else "not said"


def main() -> int:
    """Prints the list; returns the exit code."""
    licences = {name: licence_of(package) for name, package in sorted(installed_tree().items())}
    for name, licence in licences.items():
        print(f"{name:<32}{licence}")
    clashing = [name for name, licence in licences.items() if CLASHING.search(licence)]
    print(f"{len(licences)} packages; clashing with MIT: {', '.join(clashing) or 'none'}")
    return bool(clashing)


if __name__ == "__main__":
    sys.exit(main())
