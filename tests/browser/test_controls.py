"""Negative controls: the audit sees flaws, and the policy refuses what is not the page's own."""

import pytest

from nearid.report import Page, Section, write_page
from nearid.report.explanations import Headline
from nearid.report.tables import Table

COLOURS = "[...document.querySelectorAll('b')].map((b) => getComputedStyle(b).color)"


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """A page without a flaw."""
    target = tmp_path_factory.mktemp("controls") / "page.html"
    tables = [Table("Runs", ["run", "error"], [("a", "1"), ("b", "2")], 1, 2)]
    sections = [Section(name, "One by one.", tables=tables) for name in ("Runs", "More runs")]
    write_page(Page("runs", Headline("Found", "As it was.", "yes"), sections), target)
    return target


@pytest.mark.parametrize(
    ("flaw", "told"),
    [
        ("document.querySelector('h2').style.color = '#999'", "contrast 2.8"),
        ("document.body.style.opacity = 0", "only 0 texts"),
        ("document.querySelector('nav').remove()", "0 times nav"),
        ("document.querySelector('h2').outerHTML = '<h4>x</h4>'", "h4 after h1"),
        ("document.querySelector('main').append(new Image())", "no alt"),
        ("document.querySelector('th button').textContent = ''", "no name"),
        ("document.querySelector('caption').remove()", "no caption"),
        ("document.querySelector('h2').id = ''", "label is nowhere"),
        ("document.querySelector('main').style.minWidth = '200vw'", "scrolls sideways"),
    ],
)
def test_the_audit_sees_flaws(path, visit, flaw, told):
    opened = visit(path)
    assert opened.audit() == []
    opened.page.evaluate(flaw)
    assert any(told in line for line in opened.audit())


@pytest.mark.parametrize(
    "wish",
    [
        "document.body.append(Object.assign(new Image(), {src: 'https://example.org/x.png'}))",
        "fetch('https://example.org').catch(() => 0)",
        "document.body.insertAdjacentHTML('beforeend', '<img src=x: onerror=alert(1)>')",
        "document.body.append(Object.assign(document.createElement('script'), {text: 'alert(2)'}))",
        "document.body.insertAdjacentHTML('beforeend', '<b style=color:red>x</b>')",
    ],
)
def test_the_policy_refuses_what_is_not_the_page_s_own(path, visit, wish):
    opened = visit(path)
    opened.page.evaluate(wish)
    opened.page.wait_for_timeout(100)
    assert any("Content Security Policy" in line for line in opened.complaints)
    assert opened.page.evaluate("window.ran") == []
    assert "rgb(255, 0, 0)" not in opened.page.evaluate(COLOURS)
