"""Say what an installation takes on disk, and fail where that is more than was said.

    .venv-package/bin/python tools/installed_size.py --at-most 700

It is run in the environment that is measured, before anything else is installed there; what the
environment itself came with (pip, setuptools) does not count.
"""

import argparse
import sys
from importlib.metadata import Distribution, distributions
from pathlib import Path

CAME_WITH_IT = {"pip", "setuptools"}


def size(package: Distribution, *, compiled: bool) -> int:
    """Return the bytes of a package's files, with or without bytecode."""
    paths = [Path(str(file.locate())) for file in package.files or []]
    return sum(
        path.stat().st_size
        for path in paths
        if path.is_file() and (compiled or path.suffix != ".pyc")
    )


def main() -> None:
    """Print the packages by size, then both sums."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--at-most", type=float, required=True, help="MB, bytecode included")
    limit = parser.parse_args().at_most
    kept = [one for one in distributions() if one.metadata["Name"] not in CAME_WITH_IT]
    whole = {one.metadata["Name"]: size(one, compiled=True) / 1e6 for one in kept}
    plain = sum(size(one, compiled=False) / 1e6 for one in kept)
    for name in sorted(whole, key=lambda name: -whole[name])[:8]:
        print(f"{whole[name]:6.0f} MB  {name}")
    total = sum(whole.values())
    print(f"{total:6.0f} MB  all {len(kept)} packages ({plain:.0f} MB without bytecode)")
    if total > limit:
        sys.exit(f"an installation takes {total:.0f} MB, more than {limit:.0f}: see docs/policy.md")


if __name__ == "__main__":
    main()
