"""A contact sheet shows the data set's own pictures: one factor a row, the others at the base."""

from itertools import pairwise

import matplotlib
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgba
from matplotlib.text import Text

from nearid.datasets.factors import FactorDataset, Layout
from nearid.datasets.scenes3d import scenes3d
from nearid.datasets.sprites import sprites
from nearid.errors import InputError
from nearid.plots import contact_sheet
from nearid.plots.contact_sheet import traversed_classes
from nearid.plots.theme import THEMES

BASES = {"scenes3d": [0, 6, 3, 4, 0, 7], "sprites": [0, 2, 4, 3, 14, 10]}


@pytest.fixture(params=[lambda: scenes3d(16), sprites], ids=list(BASES))
def dataset(request):
    return request.param()


def toy(factors, name="toy"):
    """Return a data set whose pictures are 2 × 4 and as bright as their index."""
    layout = Layout(name, factors, (2, 4, 1))
    return FactorDataset(layout, lambda i: np.tile(i.astype("u1")[:, None, None, None], (2, 4, 1)))


def drawn(figure):
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return canvas.get_renderer()


def labels(axes):
    return [label.get_text() for label in axes.get_xticklabels()]


def test_each_row_changes_one_factor_and_keeps_the_others(dataset):
    base = BASES[dataset.name]
    columns = [c for c, size in enumerate(dataset.factor_sizes) if size > 1]
    figure = contact_sheet(dataset, base=base, n=5)
    assert len(figure.axes) == len(columns)
    for axes, column in zip(figure.axes, columns, strict=True):
        assert axes.get_ylabel() == dataset.factor_names[column].replace("_", " ")
        classes = traversed_classes(dataset.factor_sizes[column], base[column], 5)
        rows = np.tile(base, (len(classes), 1))
        rows[:, column] = classes
        pictures = dataset.images(dataset.index(rows))
        shown = np.stack([np.asarray(image.get_array()) for image in axes.images])
        np.testing.assert_array_equal(shown, np.broadcast_to(pictures, shown.shape))
        lefts = [image.get_extent()[0] for image in axes.images]
        assert lefts == sorted(set(lefts))


def test_the_base_is_framed_in_every_row(dataset):
    base = BASES[dataset.name]
    picture = dataset.images(dataset.index([base]))[0]
    for axes in contact_sheet(dataset, base=base, n=4).axes:
        (frame,) = axes.patches
        framed = [i for i in axes.images if i.get_extent()[0] == frame.get_x()]
        (image,) = framed
        shown = np.asarray(image.get_array())
        np.testing.assert_array_equal(shown, np.broadcast_to(picture, shown.shape))


def test_values_are_those_of_the_data_set():
    by_name = {axes.get_ylabel(): labels(axes) for axes in contact_sheet(sprites()).axes}
    assert by_name["shape"] == ["square", "ellipse", "heart"]
    assert by_name["scale"] == ["0.5", "0.6", "0.7", "0.8", "0.9", "1"]
    assert "colour" not in by_name
    figure = contact_sheet(toy({"a_b": 3, "c": 2}))
    assert [labels(axes) for axes in figure.axes] == [["0", "1", "2"], ["0", "1"]]


@pytest.mark.parametrize("size", [2, 3, 7, 40])
@pytest.mark.parametrize("n", [2, 5, 40])
def test_classes_are_in_order_once_and_hold_the_base(size, n):
    for base in range(size):
        classes = traversed_classes(size, base, n)
        assert len(classes) == min(n, size)
        assert (np.diff(classes) > 0).all()
        assert base in classes
        assert classes[0] >= 0
        assert classes[-1] < size


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_all_text_is_inside_and_in_an_ink_of_the_theme(dataset, theme):
    before = dict(matplotlib.rcParams)
    figure = contact_sheet(dataset, n=3, theme=theme)
    renderer = drawn(figure)
    assert dict(matplotlib.rcParams) == before
    inks = {to_rgba(THEMES[theme].text), to_rgba(THEMES[theme].muted)}
    assert figure.get_facecolor() == to_rgba(THEMES[theme].background)
    for text in (t for t in figure.findobj(Text) if t.get_visible() and t.get_text().strip()):
        box = text.get_window_extent(renderer)
        assert box.x0 >= -1, text.get_text()
        assert box.y0 >= -1, text.get_text()
        assert box.x1 <= figure.bbox.x1 + 1, text.get_text()
        assert box.y1 <= figure.bbox.y1 + 1, text.get_text()
        assert to_rgba(text.get_color()) in inks, text.get_text()


def test_rows_do_not_overlap_and_pictures_keep_their_proportions(dataset):
    for sheet in (dataset, toy({"a": 3, "b": 9})):
        figure = contact_sheet(sheet)
        renderer = drawn(figure)
        boxes = [axes.get_tightbbox(renderer) for axes in figure.axes]
        assert all(up.y0 >= low.y1 for up, low in pairwise(boxes))
        box = figure.axes[0].images[0].get_window_extent(renderer)
        height, width = sheet.image_shape[:2]
        assert box.height / box.width == pytest.approx(height / width, rel=0.01)


def test_a_name_is_no_formula_and_one_class_is_no_row():
    figure = contact_sheet(toy({"$x_1$ \x1b": 2}, name="$a"))
    drawn(figure)
    assert figure.axes[0].get_ylabel() == "$x 1$ �"
    nothing = contact_sheet(toy({"a": 1}))
    assert not nothing.axes
    assert "one class" in nothing.texts[0].get_text()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"base": [0, 0]}, r"a class for each of colour, shape.*got shape \(2,\)"),
        ({"base": [0, 3, 0, 0, 0, 0]}, "shape must be from 0 to 2; got 3"),
        ({"base": [0, 0.5, 0, 0, 0, 0]}, "whole numbers"),
        ({"n": 1}, "at least 2 pictures in a row; got 1"),
        ({"theme": "sepia"}, "light, dark; got 'sepia'"),
    ],
)
def test_what_cannot_be_drawn_is_refused(options, message):
    with pytest.raises(InputError, match=message):
        contact_sheet(sprites(), **options)
