"""Figures along the depth show the numbers of the result, inside their edges, in both themes."""

import matplotlib
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgba
from matplotlib.text import Text

from nearid import InputError, layerwise
from nearid.linalg import random_orthogonal
from nearid.plots import depth_figure, layer_pairs_figure
from nearid.plots.theme import THEMES

QUICK = {"n_bootstrap": 10, "n_null": 1, "n_random": 1, "random_state": 0}
FIGURES = [depth_figure, layer_pairs_figure]
KINDS = ["usual", "one", "many", "long", "no_ica", "absolute", "collapsed", "no_pairs", "odd"]


def models(n_layers, name="h.{}"):
    rng = np.random.default_rng(0)
    z = [rng.laplace(size=(200, 3)) for _ in range(n_layers)]
    a = {name.format(i): values for i, values in enumerate(z)}
    turned = [
        values @ random_orthogonal(3, rng) + 0.1 * i * rng.normal(size=(200, 3))
        for i, values in enumerate(z)
    ]
    return a, dict(zip(a, turned, strict=True))


def result_of(kind):
    a, b = models({"one": 1, "many": 30}.get(kind, 4))
    settings = {
        "no_ica": {"ica": False},
        "many": {"ica": False, "groups": ["rigid"]},
        "absolute": {"epsilon": 0.02},
        "no_pairs": {"all_pairs": False},
        "odd": {"names": ("$x^2", "<b>" + "y" * 200)},
    }.get(kind, {})
    if kind == "long":
        a, b = models(6, "model.encoder.blocks.{}.attention.output.dense")
    if kind == "odd":
        a, b = models(3, "$\\frac$ <i>{} 表現")
    if kind == "collapsed":
        b["h.1"] = np.zeros((200, 3))
    return layerwise(a, b, **(QUICK | settings))


@pytest.fixture(scope="module", params=KINDS)
def result(request):
    return result_of(request.param)


@pytest.fixture(scope="module")
def usual():
    return result_of("usual")


def texts(figure):
    """What is written in a drawn figure, without the labels of ticks that are out of view."""
    axes = [axis for panel in figure.axes for axis in (panel.xaxis, panel.yaxis)]
    labels = {x for axis in axes for t in axis.get_major_ticks() for x in (t.label1, t.label2)}
    shown = {x for axis in axes for t in axis._update_ticks() for x in (t.label1, t.label2)}
    written = [t for t in figure.findobj(Text) if t.get_visible() and t.get_text().strip()]
    return [t for t in written if t not in labels - shown]


@pytest.mark.filterwarnings("ignore:Glyph .* missing")
@pytest.mark.parametrize("draw", FIGURES)
def test_draws_every_kind_within_its_edges(draw, result):
    figure = draw(result)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    for text in texts(figure):
        box = text.get_window_extent(canvas.get_renderer())
        inside = box.x0 >= -1, box.y0 >= -1, box.x1 <= figure.bbox.x1 + 1, box.y1 <= figure.bbox.y1
        assert all(inside), text.get_text()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("draw", FIGURES)
def test_everything_written_has_an_ink_of_the_theme(draw, theme, usual):
    before = dict(matplotlib.rcParams)
    figure = draw(usual, theme=theme)
    FigureCanvasAgg(figure).draw()
    paper = THEMES[theme]
    assert figure.get_facecolor() == to_rgba(paper.background)
    inks = {to_rgba(ink) for ink in (paper.text, paper.muted, paper.background)}
    assert {to_rgba(text.get_color()) for text in texts(figure)} <= inks
    assert dict(matplotlib.rcParams) == before


@pytest.mark.parametrize("draw", FIGURES)
def test_an_unknown_theme_is_named(draw, usual):
    with pytest.raises(InputError, match="light, dark; got 'sepia'"):
        draw(usual, theme="sepia")


def test_the_ladder_has_the_numbers_of_the_result(usual):
    axes, below = depth_figure(usual).axes
    native = usual.ladder.query("frame == 'native'")
    clouds = [
        c.get_offsets() for c in axes.collections if hasattr(c, "get_sizes") and len(c.get_sizes())
    ]
    assert len(clouds) == 5
    for cloud, (_, rows) in zip(clouds, native.groupby("group", sort=False), strict=True):
        np.testing.assert_allclose(cloud[:, 1], rows["relative"])
        np.testing.assert_allclose(cloud[:, 0], rows["depth"], atol=0.2)
    (line,) = [line for line in below.lines if line.get_marker() == "o"]
    np.testing.assert_allclose(line.get_ydata(), usual.layers["efficiency"])


def test_what_is_within_the_tolerance_is_filled(usual):
    axes = depth_figure(usual).axes[0]
    paper = to_rgba(THEMES["light"].background)
    native = usual.ladder.query("frame == 'native'")
    clouds = [c for c in axes.collections if hasattr(c, "get_sizes") and len(c.get_sizes())]
    for cloud, (_, rows) in zip(clouds, native.groupby("group", sort=False), strict=True):
        filled = [tuple(colour) != paper for colour in cloud.get_facecolors()]
        assert filled == (rows["worst_relative_upper"] <= 0.1).tolist()


def test_the_heat_map_has_the_numbers_of_the_result(usual):
    axes = layer_pairs_figure(usual).axes[0]
    _, _, matrix = usual.matrix()
    np.testing.assert_array_equal(axes.images[0].get_array(), matrix)
    assert [t.get_text() for t in axes.get_xticklabels()] == ["0", "1", "2", "3"]
    assert axes.get_xlabel() == "layer h.* of b"
    assert {t.get_text() for t in axes.texts} == {f"{v:.2f}" for v in matrix.ravel()}


def test_nothing_to_draw_is_said():
    a, _ = models(1)
    flat = layerwise(a, {"h.0": np.zeros((200, 3))}, all_pairs=False, **QUICK)
    for draw, words in zip(FIGURES, ["No layer could be compared", "not compared"], strict=True):
        assert words in draw(flat).texts[0].get_text()
