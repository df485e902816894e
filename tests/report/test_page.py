"""Pages of any content: one style with the report, plain text stays text, long tables fold."""

import base64
import xml.etree.ElementTree as ET
from functools import partial
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import nearid
from nearid.plots.theme import head, new_figure, theme_named
from nearid.report import Page, Section, render_page, render_report, write_page
from nearid.report.explanations import Headline
from nearid.report.page import LONG
from nearid.report.pictures import picture
from nearid.report.tables import frame_table

ODD = "<script>alert(\"1\")</script> & {{ 7 * 7 }} 'x'"


class Parsed(HTMLParser):
    """The tags of a page, and its text."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text += data

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


def drawing(width, *, theme):
    """A figure with a title in the ink of the theme."""
    figure = new_figure(theme_named(theme), width, 1.0)
    head(figure.subplots(), "drawn", theme_named(theme))
    return figure


def page(**changes):
    """A page with one of everything, every word of it odd."""
    numbers = pd.DataFrame({ODD: ["a"] * 300, "value": np.linspace(0, 1, 300)})
    shown = picture(partial(drawing, 3.0), f"3 by 1 {ODD}", caption=ODD)
    tables = [frame_table(numbers.head(2), f"short {ODD}"), frame_table(numbers, f"long {ODD}")]
    given = {
        "title": ODD,
        "headline": Headline(ODD, ODD, "yes"),
        "sections": [Section(ODD, f"first {ODD}\n\nsecond", [shown], tables)],
        "warnings": [f"careful {ODD}"],
        "command": f"nearid demo {ODD}",
        "settings": {ODD: (ODD, 1), "seed": 0},
        "method": ODD,
    }
    return Page(**given | changes)


def test_every_word_stays_text():
    html = render_page(page())
    parsed = Parsed(html)
    assert not {"link", "iframe"} & {tag for tag, _ in parsed.tags}
    assert html.count("<script") == len(parsed.all("script")) == 1
    assert parsed.text.count(ODD) >= 12
    assert all(ODD in image["alt"] for image in parsed.all("img"))
    assert [a["href"] for a in parsed.all("a")] == [
        "#verdict",
        "#section-1-title",
        "#made-title",
        "https://arxiv.org/abs/2603.11970",
    ]


def test_sections_are_headed_by_titles_that_label_them():
    parsed = Parsed(render_page(page(sections=[Section("one"), Section("two", "words")])))
    ids = [attributes["id"] for _, attributes in parsed.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {s["aria-labelledby"] for s in parsed.all("section")} <= set(ids)
    assert len(parsed.all("h1")) == len(parsed.all("title")) == 1


def test_an_empty_line_begins_a_paragraph():
    html = render_page(page(sections=[Section("t", "one\nline\n\nanother\n\n")]))
    assert "<p>one\nline</p>" in html
    assert "<p>another</p>" in html
    assert "<p></p>" not in html


def test_pictures_come_in_both_themes_and_say_what_they_show():
    parsed = Parsed(render_page(page()))
    (image,), (source,) = parsed.all("img"), parsed.all("source")
    light, dark = image["src"], source["srcset"]
    assert light != dark
    for link, theme in ((light, "light"), (dark, "dark")):
        svg = base64.b64decode(link.partition(",")[2]).decode()
        ET.fromstring(svg)
        assert theme_named(theme).text in svg
    assert (image["width"], image["height"]) == ("331", "110")


@pytest.mark.parametrize(("inches", "scrolls"), [(3.0, False), (9.0, True)])
def test_only_wide_pictures_scroll(inches, scrolls):
    shown = picture(partial(drawing, inches), "a figure of 1 inch")
    figures = Parsed(render_page(page(sections=[Section("t", "", [shown])]))).all("figure")
    assert [figure.get("class") == "wide" for figure in figures] == [scrolls]


@pytest.mark.parametrize(("rows", "folded"), [(LONG, 0), (LONG + 1, 1)])
def test_long_tables_fold(rows, folded):
    table = frame_table(pd.DataFrame({"n": range(rows)}), "numbers")
    parsed = Parsed(render_page(page(sections=[Section("t", "", (), [table])])))
    assert len(parsed.all("details")) == folded
    assert len(parsed.all("tr")) == rows + 1


def test_a_table_says_what_is_left_out():
    text = Parsed(render_page(page())).text
    assert "The first 200 of 300 rows are shown, 100 are not" in text
    assert "--json" in text


def test_cells_are_written_for_readers():
    frame = pd.DataFrame({"a": ["x"], "n": [3], "f": [-0.25], "b": [True], "m": [np.nan]})
    table = frame_table(frame, "c", n_headers=2, headings={"f": "error"}, formats={"n": hex})
    assert table.rows == [("x", "0x3", "−0.250", "yes", "–")]
    assert list(table.columns) == ["a", "n", "error", "b", "m"]


def test_it_shares_the_style_of_the_report(turned):
    ours, theirs = render_page(page()), render_report(turned)
    for start, end in (("<style>", "</style>"), ("<footer>", "</footer>"), ("<meta", "<title")):
        cut = [html[html.index(start) : html.index(end)] for html in (ours, theirs)]
        assert cut[0] == cut[1]


def test_it_says_how_it_was_made():
    text = Parsed(render_page(page(libraries=["matplotlib"]))).text
    assert "nearid demo" in text
    assert "matplotlib" in text
    assert nearid.__version__ in text
    assert "Python call" in Parsed(render_page(page(from_python=True))).text


def test_the_same_page_gives_the_same_bytes(tmp_path):
    for name in "ab":
        write_page(page(), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_broken_characters_do_not_break_it(tmp_path):
    write_page(page(title="seed\udcff\x00"), tmp_path / "page.html")
    assert "seed��" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_an_old_file_survives_a_failure(tmp_path, monkeypatch):
    def fail(*_, **__):
        raise OSError("no space left on device")

    target = tmp_path / "page.html"
    target.write_text("old")
    monkeypatch.setattr(Path, "write_text", fail)
    with pytest.raises(OSError, match="no space left"):
        write_page(page(), target)
    assert target.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]
