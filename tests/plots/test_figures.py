"""Every figure draws every kind of result, inside its own edges, and changes nothing global."""

import subprocess
import sys
import warnings
from dataclasses import replace

import matplotlib
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb, to_rgba
from matplotlib.figure import Figure
from matplotlib.text import Text

from nearid.errors import InputError
from nearid.identifiability import Correlations
from nearid.plots import components_figure, correlations_figure, ladder_figure, pairwise_figure
from nearid.plots.components import components_by_run
from nearid.plots.pairwise import relative_matrix
from nearid.plots.theme import THEMES

FIGURES = [components_figure, correlations_figure, ladder_figure, pairwise_figure]


def drawn(figure):
    """Draw a figure, so that its layout is final, and return how it was drawn."""
    canvas = FigureCanvasAgg(figure)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        canvas.draw()
    return canvas.get_renderer()


def texts(figure):
    """Return what is written in a figure, without the labels of ticks that are out of view."""
    axes = [axis for panel in figure.axes for axis in (panel.xaxis, panel.yaxis)]
    labels = {label for axis in axes for tick in axis.get_major_ticks() for label in _labels(tick)}
    shown = {label for axis in axes for tick in axis._update_ticks() for label in _labels(tick)}
    written = [t for t in figure.findobj(Text) if t.get_visible() and t.get_text().strip()]
    return [t for t in written if t not in labels - shown]


def _labels(tick):
    return tick.label1, tick.label2


@pytest.mark.parametrize("draw", FIGURES)
def test_draws_every_kind_within_its_edges(draw, result):
    figure = draw(result)
    renderer = drawn(figure)
    for text in texts(figure):
        box = text.get_window_extent(renderer)
        inside = box.x0 >= -1, box.y0 >= -1, box.x1 <= figure.bbox.x1 + 1, box.y1 <= figure.bbox.y1
        assert all(inside), text.get_text()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("draw", FIGURES)
def test_everything_written_has_an_ink_of_the_theme(draw, theme, turned):
    figure = draw(turned, theme=theme)
    drawn(figure)
    assert isinstance(figure, Figure)
    assert figure.get_facecolor() == to_rgba(THEMES[theme].background)
    inks = {to_rgba(THEMES[theme].text), to_rgba(THEMES[theme].muted)}
    if draw is pairwise_figure:  # on a dark cell the paper is the ink
        inks.add(to_rgba(THEMES[theme].background))
    for text in texts(figure):
        assert to_rgba(text.get_color()) in inks, text.get_text()


@pytest.mark.parametrize("draw", FIGURES)
def test_no_global_state_is_touched(draw, turned):
    before = dict(matplotlib.rcParams)
    drawn(draw(turned, theme="dark"))
    assert dict(matplotlib.rcParams) == before


def test_pyplot_is_never_loaded():
    code = "import sys, nearid.plots, nearid.report; print('matplotlib.pyplot' in sys.modules)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "False"


@pytest.mark.parametrize("draw", FIGURES)
def test_an_unknown_theme_is_named(draw, turned):
    with pytest.raises(InputError, match="light, dark; got 'sepia'"):
        draw(turned, theme="sepia")


def test_ladder_shows_the_numbers_of_the_result(turned):
    axes = ladder_figure(turned).axes[0]
    native = turned.overall[turned.overall["frame"] == "native"]
    dots = [line.get_xdata()[0] for line in axes.lines if line.get_marker() == "o"]
    chance = [line.get_xdata()[0] for line in axes.lines if line.get_marker() == "|"]
    np.testing.assert_allclose(dots, native["mean"])
    np.testing.assert_allclose(chance, native["null"])
    zones = [bar.get_width() for bar in axes.patches]
    np.testing.assert_allclose(zones, 0.1 * native["null"])


def test_ladder_marks_the_verdict(turned):
    bold = {
        label.get_text()
        for axes in ladder_figure(turned).axes
        for label in axes.get_yticklabels()
        if label.get_fontweight() == "bold"
    }
    expected = {turned.verdict, turned.verdict_whitened} - {None}
    assert len(bold) == len(expected)


def test_pairwise_cells_are_the_relative_errors(turned):
    matrix = relative_matrix(turned, "native", "linear")
    pairs = turned.pairs.set_index(["frame", "group", "target", "source"])["relative"]
    assert matrix[0, 1] == pairs["native", "linear", "a", "b"]
    assert matrix[2, 0] == pairs["native", "linear", "c", "a"]
    assert np.isnan(np.diag(matrix)).all()
    figure = pairwise_figure(turned, group="linear")
    shown = {t.get_text() for t in figure.axes[0].texts}
    assert shown == {f"{value:.2f}" for value in matrix[np.isfinite(matrix)]}


def test_pairwise_names_what_was_measured(turned):
    with pytest.raises(InputError, match=r"native/identity.*got native/ica"):
        pairwise_figure(turned, group="ica")


def test_correlations_say_how_many_are_shown(turned):
    matrix = np.eye(100) * 0.8 + 0.1
    picture = Correlations("a", "b", {"own": matrix, "ica": matrix[:5, :5]})
    figure = correlations_figure(replace(turned, correlations=picture))
    own, ica = figure.axes[:2]
    assert own.images[0].get_array().shape == (64, 64)
    assert [t.get_text() for t in own.texts] == ["matched 0.90, others 0.10 (best 64 of 100)"]
    assert [t.get_text() for t in ica.texts] == ["matched 0.90, others 0.10 (5)"]
    assert {axes.images[0].get_clim() for axes in (own, ica)} == {(0, 1)}


def test_correlations_survive_undefined_ones(turned):
    matrix = np.array([[0.9, np.nan], [np.nan, np.nan]])
    picture = Correlations("a", "b", {"own": matrix})
    figure = correlations_figure(replace(turned, correlations=picture))
    drawn(figure)
    assert figure.axes[0].texts[0].get_text() == "matched 0.90 (2)"


def test_components_are_averaged_over_pairs(turned):
    table = components_by_run(turned)
    frame = turned.components
    rows = frame[(frame["group"] == "ica") & (frame["target"] == "b") & (frame["component"] == 2)]
    found = table[(table["run"] == "b") & (table["component"] == 2)].iloc[0]
    assert len(rows) == 2
    assert found["correlation"] == pytest.approx(rows["correlation"].mean())
    assert found["lowest"] == rows["correlation"].min()
    assert table["correlation"].is_monotonic_decreasing
    assert len(table) == 3 * 4


def test_components_mark_ambiguous_and_gaussian_ones(turned):
    first = turned.components["component"] == 0
    second = turned.components["component"] == 1
    marked = turned.components.assign(gaussian=first, ambiguous=second)
    axes = components_figure(replace(turned, components=marked)).axes[0]
    labels = {text.get_text() for text in axes.get_legend().get_texts()}
    assert labels == {
        "one clear partner (6)",
        "ambiguous: another fits as well (3)",
        "Gaussian: direction arbitrary (3)",
    }


def test_a_name_is_text_and_not_a_formula(turned):
    renamed = {"a": "$a$", "b": "$b_", "c": "c$"}
    runs = tuple(replace(run, name=renamed[run.name]) for run in turned.runs)
    pairs = turned.pairs.replace({"target": renamed, "source": renamed})
    figure = pairwise_figure(replace(turned, runs=runs, pairs=pairs))
    drawn(figure)
    assert [t.get_text() for t in figure.axes[0].get_yticklabels()] == ["$a$", "$b_", "c$"]
    assert not any(t.get_parse_math() for t in figure.axes[0].get_yticklabels())


def luminance(colour):
    channels = np.array(to_rgb(colour))
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES)
def test_inks_stand_out_on_the_paper(theme):
    for ink in (theme.text, theme.muted, theme.accent, theme.good, theme.warn):
        bright, dark = sorted((luminance(ink), luminance(theme.background)), reverse=True)
        assert (bright + 0.05) / (dark + 0.05) >= 4.5, ink
