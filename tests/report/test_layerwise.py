"""The page of two models, layer by layer."""

import numpy as np
import pytest

from nearid import layerwise
from nearid.report import render_page
from nearid.report.layerwise import layerwise_page

QUICK = {"n_bootstrap": 10, "n_null": 1, "n_random": 1, "random_state": 0}
Z = np.random.default_rng(0).laplace(size=(300, 3))
OTHER = np.random.default_rng(1).laplace(size=(300, 3))


def page_of(b, **settings):
    return layerwise_page(layerwise(dict.fromkeys(b, Z), b, **(QUICK | settings)), command="nearid")


@pytest.mark.parametrize(
    ("b", "title", "status"),
    [
        ({"h.0": Z, "h.1": -Z}, "Every layer is the same within the tolerance", "yes"),
        ({"h.0": Z, "h.1": OTHER}, "1 of 2 layers are the same within the tolerance", "unknown"),
        ({"h.0": OTHER}, "No layer is the same within the tolerance", "no"),
        ({"h.0": 0 * Z}, "No layer is the same within the tolerance", "no"),
    ],
)
def test_the_headline_counts_layers(b, title, status):
    headline = page_of(b).headline
    assert (headline.title, headline.status) == (title, status)


def test_layers_and_pairs_have_a_section_each():
    page = page_of({"h.0": Z, "h.1": OTHER})
    assert [section.title for section in page.sections] == [
        "Along the depth",
        "All pairs of layers",
    ]
    layers, ladder = page.sections[0].tables
    assert [row[:4] for row in layers.rows] == [
        ("h.0", "300", "3 and 3", "identity"),
        ("h.1", "300", "3 and 3", "not identifiable"),
    ]
    assert ladder.total == 20
    assert "h.0 of a is closest to h.0" in page.sections[1].pictures[0].alt
    assert len(page_of({"h.0": Z}, all_pairs=False).sections) == 1


def test_an_absolute_bound_is_said_and_ica_may_be_left_out():
    text = page_of({"h.0": Z}, epsilon=0.05, ica=False).sections[0].text
    assert "at most ε of 0.05" in text
    assert "ICA" not in text


def test_the_page_is_the_same_each_time_and_escapes_what_it_is_given():
    odd = "<script>alert(1)</script>"
    first, second = (
        render_page(page_of({odd: Z, "$y$": OTHER}, names=(odd, "b & c"))) for _ in "ab"
    )
    assert first == second
    assert odd not in first
    assert "&lt;script&gt;" in first
    assert "b &amp; c" in first
