"""List under which licence everything that nearid needs is published, from installed metadata.

    python tools/list_licences.py > docs/licences.md

Requirements are followed from nearid's own, extra by extra; what is not installed is an error, so
the list is written in an environment that has every extra.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageMetadata, PackageNotFoundError, distribution, metadata

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

#: What users install; the extras of those who work on nearid distribute nothing to anyone.
EXTRAS = ("anndata", "dask", "datasets", "deconfounding", "hf", "numba", "onnx", "torch", "zarr")


@dataclass(frozen=True)
class Package:
    """A package with its licence, and the extras that need it: "" is nearid itself."""

    name: str
    version: str
    licence: str
    needed_by: tuple[str, ...]


def packages(extras: tuple[str, ...] = EXTRAS) -> list[Package]:
    """Return all packages that nearid and these extras of it need, by name."""
    users: dict[str, list[str]] = {}
    for extra in ("", *extras):
        for name in needed("nearid", extra):
            users.setdefault(name, []).append(extra)
    users.pop("nearid")
    return [
        Package(name, distribution(name).version, licence(metadata(name)), tuple(users[name]))
        for name in sorted(users)
    ]


def needed(name: str, extra: str) -> set[str]:
    """Return a package and all that it needs with one extra, or with none."""
    seen: set[tuple[str, str]] = set()
    waiting = [(canonicalize_name(name), extra)]
    while waiting:
        one = waiting.pop()
        if one not in seen:
            seen.add(one)
            waiting += requirements(*one)
    return {found for found, _ in seen}


def requirements(name: str, extra: str) -> Iterator[tuple[str, str]]:
    """Yield what a package asks for here, once for each extra that it asks for."""
    try:
        asked = distribution(name).requires or []
    except PackageNotFoundError:
        raise SystemExit(f"{name} is not installed: run this where every extra is") from None
    for text in asked:
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
            for further in ("", *requirement.extras):
                yield canonicalize_name(requirement.name), further


def licence(about: PackageMetadata) -> str:
    """Return the licence that a package's metadata names, as short as they name it."""
    # a library that replaces the finder of packages raises where the standard one gives None
    if expressed := about.get_all("License-Expression"):
        return str(expressed[0])
    classified = [
        text.rpartition(" :: ")[2]
        for text in about.get_all("Classifier") or []
        if text.startswith("License :: ") and text != "License :: OSI Approved"
    ]
    if classified:
        return ", ".join(classified)
    # some put the whole text there, whose first line is its name
    name = (about.get_all("License") or [""])[0].strip().partition("\n")[0]
    return name if 0 < len(name) < 60 else "unknown"


def page(found: list[Package]) -> str:
    """Return the list as a page."""
    rows = [
        f"| {one.name} | {one.version} | {one.licence} | "
        f"{'nearid' if '' in one.needed_by else ', '.join(one.needed_by)} |"
        for one in found
    ]
    return "\n".join([HEAD, *rows])


HEAD = """\
# Licences

nearid is under the MIT licence. This is what it needs, and what its extras need, with the licence
that each package's metadata names; `make licences` writes it from the versions in
`constraints.txt`. None is under the GPL. The extra `harmony` is not in the list, nor in `all`:
harmonypy is under the GPL, version 3 or later, and nothing of it is distributed with nearid.

| package | version | licence | needed by |
| --- | --- | --- | --- |"""


if __name__ == "__main__":
    print(page(packages()))
