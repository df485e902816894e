"""The report: complete in itself, safe, accessible, the same every time, and never half written."""

import base64
import hashlib
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import pytest
import scipy
import sklearn
from matplotlib.colors import to_rgb

import nearid
from nearid.report import render_report, write_report
from nearid.report.explanations import efficiency_text, headline
from nearid.report.provenance import call_text
from nearid.report.trust import questions

VOID = {"meta", "img", "source", "br", "link", "input"}
ODD = ["<script>alert(1)</script>", "\"><img src=x onerror='alert(1)'>", "{{ 7 * 7 }}", "a&b"]


class Page(HTMLParser):
    """A page taken apart; it complains about tags that do not nest."""

    def __init__(self, html):
        super().__init__()
        self.open, self.tags, self.text = [], [], []
        self.feed(html)
        self.close()
        assert not self.open, f"left open: {self.open}"

    def handle_starttag(self, tag, attributes):
        names = [name for name, _ in attributes]
        assert len(names) == len(set(names)), f"attribute twice in {tag}"
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open[-1:] == [tag], f"</{tag}> closes something else"
        self.open.pop()

    def handle_data(self, data):
        self.text.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="session")
def odd():
    """A result whose runs have names that must not become markup."""
    z = np.random.default_rng(0).laplace(size=(200, 3))
    return nearid.statistical_identifiability(
        {name: z + i for i, name in enumerate(ODD)}, random_state=0, n_bootstrap=10
    )


def svgs(page):
    """Return every picture of a page as SVG text."""
    links = [image["src"] for image in page.all("img")]
    links += [source["srcset"] for source in page.all("source")]
    assert all(link.startswith("data:image/svg+xml;base64,") for link in links)
    return [base64.b64decode(link.partition(",")[2]).decode() for link in links]


def test_every_kind_is_a_well_formed_page_with_well_formed_pictures(result):
    page = Page(render_report(result))
    for svg in svgs(page):
        ET.fromstring(svg)
    assert len(page.all("h1")) == len(page.all("main")) == len(page.all("title")) == 1
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = {attributes.get("aria-labelledby") for _, attributes in page.tags} - {None}
    assert targets <= set(ids)
    assert all(warning.rstrip(".")[1:40] in "".join(page.text) for warning in result.warnings[:1])


def test_nothing_is_loaded_and_nothing_runs(turned):
    html = render_report(turned, command="nearid compare a.npy b.npy")
    page = Page(html)
    assert not {"link", "iframe", "object", "embed"} & {tag for tag, _ in page.tags}
    assert page.all("script") == [{}]
    for tag, attributes in page.tags:
        assert not [name for name in attributes if name.startswith("on")], tag
        for name in ("src", "srcset", "poster", "data", "action"):
            assert attributes.get(name, "data:").startswith("data:"), (tag, name)
    assert "url(" not in html
    assert "@import" not in html
    links = [link["href"] for link in page.all("a")]
    assert [link for link in links if not link.startswith("#")] == [
        "https://arxiv.org/abs/2603.11970"
    ]
    for svg in svgs(page):
        for element in ET.fromstring(svg).iter():
            for name, value in element.attrib.items():
                if name.endswith("href"):
                    assert value.startswith(("#", "data:")), value


def test_the_policy_names_the_style_and_the_script_by_their_hashes(turned_html):
    (policy,) = [
        unescape(meta["content"]) for meta in Page(turned_html).all("meta") if "http-equiv" in meta
    ]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
    assert rules["img-src"] == "data:"
    for tag in ("style", "script"):
        (text,) = re.findall(f"<{tag}>(.*?)</{tag}>", turned_html, flags=re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert rules[f"{tag}-src"] == f"'sha256-{digest}'"
    assert "style=" not in turned_html


def test_names_and_commands_stay_text(odd):
    command = "nearid compare '<script>alert(2)</script>' \"&amp;\""
    html = render_report(odd, command=command)
    page = Page(html)
    assert len(page.all("script")) == 1
    assert all("onerror" not in attributes for _, attributes in page.tags)
    text = "".join(page.text)
    assert command in text
    assert all(name in text for name in ODD)
    assert any(ODD[0] in image["alt"] for image in page.all("img"))
    for svg in svgs(page):
        tags = {element.tag.rpartition("}")[2] for element in ET.fromstring(svg).iter()}
        assert not {"script", "img"} & tags


def test_broken_characters_in_a_name_do_not_break_the_page(turned, tmp_path):
    runs = (replace(turned.runs[0], name="seed\udcff\x00\x1b"), *turned.runs[1:])
    pairs = turned.pairs.astype(object).replace("a", "seed\udcff\x00\x1b")
    named = replace(turned, runs=runs, pairs=pairs)
    write_report(named, tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "seed���" in text
    for svg in svgs(Page(text)):
        ET.fromstring(svg)


def test_every_picture_says_what_it_shows(turned_html):
    page = Page(turned_html)
    images = page.all("img")
    assert len(images) == len(page.all("picture")) == len(page.all("source")) == 5
    for image in images:
        assert len(re.findall(r"\d", image["alt"])) > 3, "states the finding, in numbers"
        assert int(image["width"]) > 0
        assert int(image["height"]) > 0
    assert all("prefers-color-scheme: dark" in s["media"] for s in page.all("source"))


def test_tables_have_captions_and_scopes(turned_html):
    page = Page(turned_html)
    assert len(page.all("table")) == len(page.all("caption")) == 4
    assert {cell.get("scope") for cell in page.all("th")} == {"col", "row"}
    assert page.all("html") == [{"lang": "en"}]


def test_the_same_result_gives_the_same_bytes(turned, tmp_path):
    write_report(turned, tmp_path / "a.html")
    with matplotlib.rc_context({"font.size": 20, "axes.facecolor": "red", "svg.fonttype": "path"}):
        write_report(turned, tmp_path / "b.html")
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()


def test_matplotlib_is_left_as_it_was(turned):
    with matplotlib.rc_context({"font.size": 20, "svg.fonttype": "path"}):
        before = dict(matplotlib.rcParams)
        render_report(turned)
        assert dict(matplotlib.rcParams) == before


@pytest.mark.parametrize("moment", ["rendering", "writing"])
def test_an_old_file_survives_a_failure(moment, turned, tmp_path, monkeypatch):
    def fail(*_, **__):
        raise OSError("no space left on device")

    target = tmp_path / "report.html"
    target.write_text("old")
    if moment == "rendering":
        monkeypatch.setattr("nearid.report.document.pictures", fail)
    else:
        monkeypatch.setattr(Path, "write_text", fail)
    with pytest.raises(OSError, match="no space left"):
        write_report(turned, target)
    assert target.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_a_folder_that_is_not_there_is_named(turned, tmp_path):
    with pytest.raises(nearid.InputError, match="create it first"):
        write_report(turned, tmp_path / "missing" / "report.html")


def test_it_says_how_it_was_made(turned, turned_html):
    text = "".join(Page(turned_html).text)
    for version in (nearid.__version__, np.__version__, scipy.__version__, sklearn.__version__):
        assert version in text
    assert "nearid.statistical_identifiability(\n    runs," in text
    assert "random_state=0" in text
    assert "arXiv 2603.11970" in text
    assert "nearid compare x" in "".join(
        Page(render_report(turned, command="nearid compare x")).text
    )


@pytest.fixture(scope="module")
def turned_html(turned):
    """The report of three turned runs."""
    return render_report(turned)


@pytest.fixture(scope="module")
def many():
    """Fifty runs, with the table of components that 64 of them each would give."""
    z = np.random.default_rng(0).laplace(size=(60, 3))
    quick = {"n_bootstrap": 2, "n_null": 1, "n_random": 1, "random_state": 0}
    found = nearid.statistical_identifiability([z + i for i in range(50)], ica=False, **quick)
    rows = found.components[found.components["frame"] == "whitened"]
    copies = [rows.assign(component=rows["component"] + 3 * i) for i in range(21)]
    return replace(found, components=pd.concat(copies, ignore_index=True))


def test_a_report_of_fifty_runs_is_small(many):
    assert len(many.components) == 50 * 49 * 63
    assert len(render_report(many).encode()) < 5e6


def test_a_long_table_says_what_is_left_out(many, turned_html):
    page = Page(render_report(many))
    text, total = "".join(page.text), len(many.pairs)
    assert f"The first 200 of {total} rows are shown, {total - 200} are not" in text
    assert f"The first 200 of {50 * 63} rows are shown" in text
    assert "--json" in text
    assert len(page.all("tr")) < 600
    assert "rows are shown" not in turned_html


@pytest.mark.parametrize(
    ("native", "whitened", "expected"),
    [
        ("identity", "ica", ["yes", "yes", "yes"]),
        ("signed_permutation", "ica", ["yes", "yes", "yes"]),
        ("rigid", "ica", ["after", "yes", "yes"]),
        ("rigid", "rigid", ["no", "yes", "yes"]),
        ("similarity", None, ["no", "yes", "yes"]),
        ("linear", "rigid", ["no", "after", "yes"]),
        ("linear", "signed_permutation", ["after", "after", "yes"]),
        ("linear", None, ["no", "no", "yes"]),
        (None, "linear", ["no", "no", "after"]),
        (None, None, ["no", "no", "no"]),
    ],
)
def test_what_can_be_trusted_follows_from_the_verdicts(native, whitened, expected, turned):
    judged = replace(turned, verdict=native, verdict_whitened=whitened)
    assert [question.status for question in questions(judged)] == expected
    single = "single components can be trusted" in headline(judged).text
    assert single == (whitened == "ica" and native == "rigid")


def test_a_use_is_unknown_where_its_maps_were_not_asked_for():
    z = np.random.default_rng(0).laplace(size=(200, 3))
    only = nearid.statistical_identifiability([z, z], groups=["rigid"], random_state=0)
    assert [question.status for question in questions(only)] == ["unknown", "yes", "yes"]


@pytest.mark.parametrize(
    ("efficiency", "interval", "title"),
    [
        (0.45, (0.41, 0.52), "ICA removes 45\u00a0% of the ambiguity"),
        (0.1, (-0.1, 0.3), "ICA may help; the interval includes zero"),
        (0.0, (-0.1, 0.1), "ICA does not help here"),
        (-0.3, (-0.5, -0.1), "ICA does not help here"),
        (np.nan, (np.nan, np.nan), "ICA efficiency is undefined"),
    ],
)
def test_efficiency_is_said_plainly(efficiency, interval, title, turned):
    judged = replace(turned, ica_efficiency=efficiency, ica_efficiency_ci=interval)
    assert efficiency_text(judged).title == title


def test_how_many_components_were_kept_is_said(turned):
    found = replace(turned, ica_efficiency=0.45, ica_efficiency_ci=(0.41, 0.52))
    kept = turned.correlations.matrices["ica"].shape[0]
    assert f"whitened, to {kept} components, and rotated" in efficiency_text(found).text


def test_unrelated_runs_are_called_unrelated():
    rng = np.random.default_rng(0)
    found = nearid.statistical_identifiability(list(rng.standard_normal((2, 400, 5))))
    assert headline(found).status == "no"
    assert "hardly closer than unrelated" in headline(found).text


def colours(css, start):
    """Return the colour variables of the block that begins there."""
    block = css[css.index(":root", start) :]
    return dict(re.findall(r"--([\w-]+): (#\w+);", block[: block.index("}")]))


def luminance(colour):
    channels = np.array(to_rgb(colour))
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


@pytest.mark.parametrize("start", ["", "prefers-color-scheme: dark"], ids=["light", "dark"])
def test_text_stands_out_in_both_themes(start):
    css = files("nearid.report").joinpath("templates/style.css").read_text()
    named = colours(css, css.index(start))
    grounds = {"text": ["page", "paper", "after-soft"], "muted": ["page", "paper"]}
    grounds |= {"link": ["page", "paper"]}
    grounds |= {status: [f"{status}-soft"] for status in ("yes", "no", "after", "unknown")}
    for ink, papers in grounds.items():
        for paper in papers:
            pair = sorted((luminance(named[ink]), luminance(named[paper])), reverse=True)
            assert (pair[0] + 0.05) / (pair[1] + 0.05) >= 4.5, (ink, paper)


def test_the_call_of_labels_names_them():
    z = np.random.default_rng(0).laplace(size=(80, 2))
    found = nearid.statistical_identifiability([z, -z], unit=np.arange(80) // 4, ica=False)
    assert "    unit=unit," in call_text(found)
