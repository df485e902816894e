"""Figures show the numbers of the result, with names that hold anything, in both themes."""

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from nearid.deconfounding import correct, evaluate
from nearid.plots.deconfounding import attribution_figure, scores_figure, tradeoff_figure
from nearid.plots.theme import THEMES
from nearid.report.deconfounding import deconfounding_page
from nearid.report.page import render_page

ODD = ["$\\frac$", "<script>alert(1)</script>", "表現"]


@pytest.fixture(scope="module")
def found():
    """Three plates with odd names, and a column with one."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.laplace(size=(120, 5))).add_prefix("Cells_Texture_$x^")
    frame["Metadata_Plate"] = np.repeat(ODD, 40)
    frame["Metadata_$y_{"] = np.tile(["<i>a", "b$"], 60)
    frame.iloc[:40, 0] += 5
    asked = {"batch": "Metadata_Plate", "label": "Metadata_$y_{"}
    quick = {"classifiers": ["l1", "top1"], "n_repeats": 1}
    return evaluate(frame, **asked, **quick), correct(frame, **asked, n_permutations=19)


@pytest.mark.parametrize("theme", THEMES)
def test_figures_draw_every_number(found, theme):
    result, correction = found
    before = dict(matplotlib.rcParams)
    scores = scores_figure(result, theme=theme)
    FigureCanvasAgg(scores).draw()
    panel = scores.axes[0]
    means = result.summary().query("classifier == 'l1'")["auroc"].to_numpy()
    drawn = [line.get_xdata()[0] for line in panel.lines if line.get_marker() in ("s", "D")]
    np.testing.assert_allclose(drawn, means)
    for figure in (
        tradeoff_figure(result, theme=theme),
        attribution_figure(correction.attribution),
    ):
        FigureCanvasAgg(figure).draw()
    assert dict(matplotlib.rcParams) == before


def test_page_tells_verdict_and_escapes_names(found):
    result, correction = found
    text = render_page(deconfounding_page(result, correction.attribution, dropped={"ica0": 0.9}))
    assert result.verdict.partition(":")[0] in text
    assert "Dropped as technical: ica0 (0.900)" in text
    assert "<script>alert" not in text
    assert "<i>a" not in text
    assert text.count("<svg") + text.count("<img") >= 3
