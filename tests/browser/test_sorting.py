"""Tables sort by click and by key, numbers as numbers, what is missing last."""

import numpy as np
import pandas as pd
import pytest

from nearid.report import Page, Section, write_page
from nearid.report.explanations import Headline
from nearid.report.numerals import number, percent
from nearid.report.tables import frame_table

ERRORS = [0.5, -2.0, np.nan, 12.0, 3e-9, np.inf, 1234.6, -0.1]
SHARES = [0.3, 0.002, np.nan, 1e-6, 0.25, 1.0, 0.0, 0.1]
NAMES = ["run 10", "run 9", "élan", "Zed", "run 1", "alpha", "–", "10 nm"]


def table():
    frame = pd.DataFrame({"run": NAMES, "error": ERRORS, "share": SHARES, "interval": ERRORS})
    interval = {"interval": lambda value: f"{number(value)} to 9" if value == value else "–"}
    formats = {"error": number, "share": percent, **interval}
    return frame_table(frame, "Runs", formats=formats)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """A page with one table, whose rows are told apart by their place."""
    target = tmp_path_factory.mktemp("sorting") / "page.html"
    section = Section(
        "Runs", "One by one.", tables=[table(), frame_table(pd.DataFrame({"n": [1]}), "One")]
    )
    write_page(Page("runs", Headline("Found", "Sorted.", "yes"), [section]), target)
    return target


def order(page):
    """Return which row stands where, as places in the table that was written."""
    written = [row[0] for row in table().rows]
    return [
        written.index(name)
        for name in page.locator("table").first.locator("tbody th").all_inner_texts()
    ]


def states(page):
    heads = page.locator("table").first.locator("thead th").all()
    return [head.get_attribute("aria-sort") for head in heads]


def press(page, name, key=None):
    button = page.get_by_role("button", name=name, exact=True)
    if key is None:
        button.click()
    else:
        button.press(key)


@pytest.mark.parametrize("key", [None, "Enter", "Space"])
@pytest.mark.parametrize(
    ("column", "values"), [("error", ERRORS), ("share", SHARES), ("interval", ERRORS)]
)
def test_numbers_sort_as_numbers_and_missing_ones_stand_last(path, visit, key, column, values):
    page = visit(path).page
    held = [i for i, value in enumerate(values) if value == value]
    missing = [i for i, value in enumerate(values) if value != value]
    upwards = sorted(held, key=values.__getitem__)
    press(page, column, key)
    assert order(page) == upwards + missing
    place = list(table().columns).index(column)
    assert states(page) == ["ascending" if i == place else None for i in range(4)]
    press(page, column, key)
    assert order(page) == upwards[::-1] + missing
    assert states(page)[place] == "descending"
    press(page, column, key)
    assert order(page) == list(range(len(values)))
    assert states(page) == [None] * 4


def test_words_sort_as_words_with_numbers_in_them(path, visit):
    page = visit(path).page
    press(page, "error")
    press(page, "run")
    names = [NAMES[i] for i in order(page)]
    assert names == ["10 nm", "alpha", "élan", "run 1", "run 9", "run 10", "Zed", "–"]
    assert states(page) == ["ascending", None, None, None]


def test_rows_stay_whole(path, visit):
    page = visit(path).page
    press(page, "share")
    rows = page.locator("table").first.locator("tbody tr").all()
    found = [tuple(row.locator("th, td").all_inner_texts()) for row in rows]
    assert sorted(found) == sorted(table().rows)


def test_a_table_of_one_row_has_nothing_to_press(path, visit):
    assert visit(path).page.locator("button").count() == 4
