"""What comes in as text stays text: hostile strings by every way into a page."""

import numpy as np
import pandas as pd
import pytest
import torch
from typer.testing import CliRunner

import nearid
from nearid.cli import app
from nearid.decoder.implied import implied
from nearid.deconfounding import correct, evaluate
from nearid.plots.labels import printable
from nearid.report import Page, Section, write_page, write_report
from nearid.report.decoder import decoder_page
from nearid.report.deconfounding import deconfounding_page
from nearid.report.explanations import Headline
from nearid.report.layerwise import layerwise_page
from nearid.report.structural import structural_page
from nearid.report.tables import frame_table

#: Each calls for alert where it is taken for more than text.
HOSTILE = {
    "script": "<script>alert(1)</script>",
    "quote": "\"><img src=x onerror=alert(2)>'",
    "link": "javascript:alert(3)",
    "style": "</style><script>alert(4)</script><style>",
    "end": "</script><script>alert(5)</script><!--",
    "svg": "<svg/onload=alert(6)><animate onbegin=alert(7) attributeName=x>",
    "template": "{{7*7}}${7*7}{% raw %}<%= 7*7 %>",
    "overlong": "\u00c0\u00bcscript\u00c0\u00bealert(8)",
    "wide": "\uff1cscript\uff1ealert(9)\uff1c/script\uff1e",
    "direction": "run\u202egnp.exe\u2066<b onclick=alert(10)>\u200b",
    "markup": "<b>&lt;&amp;#60;</b>&#x3C;script&#x3E;alert(11)",
    "cdata": "]]><![CDATA[<x onfocus=alert(12) autofocus tabindex=0>",
}
QUICK = {"n_bootstrap": 5, "n_null": 1, "n_random": 1, "random_state": 0}
Z = np.random.default_rng(0).laplace(size=(240, 3))
PARTS = ("script", "quote", "svg")


def every_word(texts):
    """Return a page whose every word is hostile."""
    frame = pd.DataFrame({text: [text] for text in texts})
    tables = [frame_table(frame, " ".join(texts))]
    return Page(
        title=" ".join(texts),
        headline=Headline(" ".join(texts), " ".join(texts), "yes"),
        sections=[Section(text, "\n\n".join(texts), tables=tables) for text in texts],
        warnings=texts,
        command=" ".join(texts),
        settings={text: text for text in texts},
        method=" ".join(texts),
    )


def compare(folder, texts):
    """Return a report of runs with hostile names."""
    rng = np.random.default_rng(1)
    runs = {text: Z + 0.1 * rng.standard_normal(Z.shape) for text in texts}
    write_report(nearid.statistical_identifiability(runs, **QUICK), folder / "page.html")


def structural(folder, texts):
    """Return a page of factors with hostile names, of values with hostile ones."""
    factors = pd.DataFrame({text: np.round(Z[:, i]) for i, text in enumerate(texts)})
    result = nearid.structural_identifiability(Z, factors, random_state=0, metrics=["mcc"])
    write_page(structural_page(result, command=" ".join(texts)), folder / "page.html")


def decoder(folder, texts):
    """Return a page of a decoder whose settings are hostile."""
    torch.manual_seed(0)
    result = nearid.bilipschitz(torch.nn.Linear(3, 4).double(), Z[:30])
    page = decoder_page(
        result,
        implied(result),
        why_not=" ".join(texts),
        command=" ".join(texts),
        settings={text: text for text in texts},
    )
    write_page(page, folder / "page.html")


def layers(folder, texts):
    """Return a page of models and layers with hostile names."""
    held = dict.fromkeys(texts, Z)
    result = nearid.layerwise(held, held, names=(texts[0], texts[1]), **QUICK)
    write_page(layerwise_page(result), folder / "page.html")


def deconfound(folder, texts):
    """Return a page of batches, labels and columns with hostile names."""
    frame = pd.DataFrame(Z[:120], columns=[f"Cells_Texture_{text}" for text in texts])
    frame["Metadata_Plate"] = np.repeat(texts, 40)
    frame[f"Metadata_{texts[0]}"] = np.tile(texts[:2], 60)
    frame["Metadata_Well"] = np.tile(texts, 40)
    asked = {"batch": "Metadata_Plate", "label": f"Metadata_{texts[0]}"}
    result = evaluate(frame, **asked, classifiers=["l2"], n_repeats=1)
    found = correct(frame, **asked, n_permutations=19).attribution
    write_page(deconfounding_page(result, found, command=texts[2]), folder / "page.html")


def archive(folder, texts):
    """Return a report of an archive whose keys, ids and own name are hostile."""
    source = folder / f"{texts[0].replace('/', chr(0x2215))}.npz"
    ids = np.array([f"{text} {i}" for i in range(80) for text in texts])
    np.savez(source, ids=ids, **dict.fromkeys(texts, Z))
    call("compare", source, "--bootstrap", "5", "--null", "1", "--report", folder / "page.html")


def table(folder, texts):
    """Return a report of tables whose columns, ids and names are hostile."""
    sources = []
    for i, text in enumerate(texts):
        frame = pd.DataFrame(Z + i, columns=[f"{word} {i}" for word in texts])
        frame[texts[0]] = [f"{texts[1]} {row}" for row in range(len(Z))]
        frame["Metadata_Site"] = text
        sources.append(folder / f"{text.replace('/', chr(0x2215))}.parquet")
        frame.to_parquet(sources[-1])
    options = ["--id-column", texts[0], "--bootstrap", "5", "--null", "1"]
    call("compare", *sources, *options, "--report", folder / "page.html")


def call(*arguments):
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert done.exit_code == 0, done.output


WAYS = {
    "compare": compare,
    "structural": structural,
    "decoder": decoder,
    "layerwise": layers,
    "deconfound": deconfound,
    "archive": archive,
    "table": table,
}


def assert_only_text(opened):
    """Assert that nothing ran, and that the page holds its own elements and no other."""
    page = opened.page
    page.evaluate("document.querySelectorAll('button, summary').forEach((b) => b.click())")
    page.wait_for_timeout(50)
    assert page.evaluate("window.ran") == []
    assert opened.complaints == []
    assert opened.foreign == []
    assert page.locator("script").count() == page.locator("style").count() == 1
    assert page.locator("svg, iframe, b, animate, x, [onload], [onerror], [onclick]").count() == 0
    assert page.evaluate("[...document.links].every((a) => /^(file|https):/.test(a.href))")


@pytest.mark.parametrize("name", HOSTILE)
def test_every_word_of_a_page_stays_text(name, tmp_path, visit):
    write_page(every_word([HOSTILE[name]]), tmp_path / "page.html")
    opened = visit(tmp_path / "page.html")
    shown = printable(HOSTILE[name])
    page = opened.page
    assert page.title() == f"{shown} · nearid"
    for place in ("h1", ".lead", ".runs", "nav a", "h2", "pre code", "dt", "dd", "li", "caption"):
        texts = page.locator(place).all_text_contents()
        assert any(shown in text for text in texts), place
    assert page.locator("td, tbody th").first.text_content() == shown
    assert_only_text(opened)


@pytest.mark.parametrize("way", WAYS)
def test_every_way_in_gives_text(way, tmp_path, visit):
    texts = [HOSTILE[name] for name in PARTS]
    WAYS[way](tmp_path, texts)
    opened = visit(tmp_path / "page.html")
    words = opened.page.evaluate("document.body.textContent")
    held = [text for text in texts if text.replace("/", "∕") in words or text in words]
    assert len(held) >= 2, "names are shown as they are"
    assert_only_text(opened)


def test_the_strings_do_run_where_they_are_taken_for_markup(tmp_path, visit):
    """Without escapes and policy each page of these would call for alert."""
    path = tmp_path / "page.html"
    ran = set()
    for text in HOSTILE.values():
        path.write_text(f'<!DOCTYPE html><title>x</title><p title="{text}">{text}</p>')
        opened = visit(path)
        opened.page.wait_for_timeout(20)
        ran |= set(opened.page.evaluate("window.ran"))
    assert ran >= {"1", "2", "4", "6"}
