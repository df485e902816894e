"""The documentation site: it builds without a warning, lacks nothing, and fetches nothing."""

import os
import re
import subprocess
import sys
import zlib
from functools import cache
from html.parser import HTMLParser
from importlib import import_module
from pathlib import Path
from shutil import copytree
from urllib.parse import unquote

import pytest
import typer

import nearid
from nearid.cli import app
from nearid.deconfounding import METHODS

ROOT = Path(__file__).parents[2]
BESIDE = ("benchmarks/README.md", "CHANGELOG.md")
MADE = ("_build", "gallery", "generated", "__pycache__")
PACKAGES = ["datasets", "deconfounding", "decoder", "embed", "groups", "ica"]
PACKAGES += ["identifiability", "metrics", "models", "plots", "report"]
SCRIPTS = sorted(path.stem for path in (ROOT / "docs" / "examples").glob("*.py"))
COMMANDS = typer.main.get_command(app).commands


class Page(HTMLParser):
    """What a page can be linked by, what it links to, and what a browser loads for it."""

    def __init__(self, text):
        super().__init__()
        self.ids, self.links, self.loaded = set(), [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.ids |= {given[name] for name in ("id", "name") if given.get(name)}
        if tag == "a" and given.get("href"):
            self.links.append(given["href"])
        if tag in ("script", "img", "iframe", "source", "object") and given.get("src"):
            self.loaded.append(given["src"])
        if tag == "link" and given.get("href") and "canonical" not in given.get("rel", ""):
            self.loaded.append(given["href"])


def is_elsewhere(link):
    return re.match(r"(?:[a-z]+:)?//|[a-z]+:", link) is not None


@cache
def pages_of(folder):
    """Return the pages of a site by their paths, without the theme's templates."""
    found = [path for path in folder.rglob("*.html") if "_static" not in path.parts]
    return {path: Page(path.read_text(encoding="utf-8")) for path in found}


def dead_links(folder):
    """Return every link of a folder of pages that leads to no file, or to no place in it."""
    pages = pages_of(folder)
    dead = []
    for path, page in pages.items():
        for link in page.links + page.loaded:
            name, _, place = unquote(link).partition("#")
            if is_elsewhere(link):
                continue
            target = (path.parent / name.partition("?")[0]).resolve() if name else path
            missing = target in pages and place and place not in pages[target].ids
            if not target.is_file() or missing:
                dead.append(f"{path.relative_to(folder)}: {link}")
    return dead


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The pages, built beside the sources that they include, so that the checkout stays clean."""
    root = tmp_path_factory.mktemp("site")
    copytree(ROOT / "docs", root / "docs", ignore=lambda _, names: [n for n in names if n in MADE])
    for name in BESIDE:
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_bytes((ROOT / name).read_bytes())
    command = [sys.executable, "-m", "sphinx", "-b", "html", "-W", "--keep-going", "-q"]
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, str(root / "docs"), str(root / "html")],
        env=os.environ | threads,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr  # -W: a warning is a failure
    return root / "html"


@pytest.fixture(scope="module")
def documented(site):
    """Every name of the library that has a place on a page."""
    # four lines of comment, then a compressed line for each name
    body = zlib.decompress((site / "objects.inv").read_bytes().split(b"\n", 4)[4]).decode()
    return {line.split()[0] for line in body.splitlines() if " py:" in line}


def test_every_public_name_has_a_place(documented):
    assert {f"nearid.{name}" for name in nearid.__all__} <= documented


@pytest.mark.parametrize("package", PACKAGES)
def test_every_name_of_a_package_has_a_place(documented, package):
    names = import_module(f"nearid.{package}").__all__
    places = [{f"nearid.{package}.{name}", f"nearid.{name}"} for name in names]
    missing = [name for name, place in zip(names, places, strict=True) if not place & documented]
    assert not missing


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_is_described(site, name):
    text = (site / "cli.html").read_text(encoding="utf-8")
    section = text.partition(f'<section id="nearid-{name}">')[2].partition("</section>")[0]
    assert section
    for parameter in COMMANDS[name].params:
        for option in parameter.opts if parameter.opts[0].startswith("-") else []:
            assert option in section


def test_every_correction_is_described(site):
    text = (site / "batch.html").read_text(encoding="utf-8")
    assert all(f">{name}</span>" in text for name in METHODS)


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_script_has_run_and_shows_figures(site, script):
    page = Page((site / "gallery" / f"{script}.html").read_text(encoding="utf-8"))
    assert [source for source in page.loaded if f"sphx_glr_{script}_" in source]


def test_links_lead_somewhere(site):
    assert dead_links(site) == []


def test_a_link_that_leads_nowhere_is_found(tmp_path):
    text = '<a href="b.html#here">1</a><a href="b.html#gone">2</a><a href="c.html">3</a>'
    (tmp_path / "a.html").write_text(text)
    (tmp_path / "b.html").write_text('<p id="here"></p><a href="https://example.org/x">4</a>')
    assert dead_links(tmp_path) == ["a.html: b.html#gone", "a.html: c.html"]


def test_nothing_is_fetched(site):
    loaded = [source for page in pages_of(site).values() for source in page.loaded]
    assert [source for source in loaded if is_elsewhere(source)] == []
    styles = [path.read_text(encoding="utf-8") for path in site.rglob("*.css")]
    assert not [text for text in styles if re.search(r"(@import|url\()\s*['\"]?(https?:)?//", text)]


def test_formulas_need_no_script(site):
    text = (site / "theory.html").read_text(encoding="utf-8")
    assert text.count("<math") > 50
    assert not [source for source in Page(text).loaded if "math" in source.lower()]
