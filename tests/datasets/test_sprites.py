"""Sprites against the official frames of dSprites, and what each factor does to the pixels."""

import numpy as np
import pytest
from PIL import Image, ImageSequence
from scipy.ndimage import center_of_mass, label

from nearid.datasets.dsprites import LAYOUT
from nearid.datasets.polygons import fill_polygons
from nearid.datasets.sprites import ORIENTATION_PERIODS, OUTLINES, place, sprites
from nearid.errors import InputError

SHAPES = list(OUTLINES)
#: Mean intersection over union with the official frames.
BARS = {"square": 0.99, "ellipse": 0.99, "heart": 0.985}


@pytest.fixture(scope="module")
def drawn():
    return sprites()


@pytest.fixture(scope="module")
def official(data_folder):
    with Image.open(data_folder / "images" / "dsprites.gif") as film:
        return np.stack([np.array(frame.convert("L")) for frame in ImageSequence.Iterator(film)])


def traversal(shape, moving):
    """Return the classes that the official film goes through with one shape."""
    grow = [(0, shape, s, 0, 0, 0) for s in range(6)]
    turn = [(0, shape, 5, o, 0, 0) for o in range(40)]
    steps = range(32)
    around = [(0, shape, 5, 0, 0, y) for y in steps] + [(0, shape, 5, 0, x, 31) for x in steps]
    around += [(0, shape, 5, 0, 31, y) for y in steps[::-1]]
    around += [(0, shape, 5, 0, x, 0) for x in steps[::-1]]
    return grow + grow[::-1] + grow + turn + (around if moving else []) + grow[::-1]


def film_classes():
    return np.array(traversal(2, True) + traversal(1, False) + traversal(0, False))


def agreement(drawn, official, classes):
    found = drawn.images(drawn.index(classes))[..., 0] == 255
    wanted = official == 255
    return (found & wanted).sum(axis=(1, 2)) / (found | wanted).sum(axis=(1, 2))


def mean_by_shape(values, classes):
    return {name: values[classes[:, 1] == kind].mean() for kind, name in enumerate(SHAPES)}


def test_pictures_are_those_of_dsprites(drawn, official):
    classes = film_classes()
    assert official.shape == (len(classes), 64, 64)
    means = mean_by_shape(agreement(drawn, official, classes), classes)
    assert all(means[name] > bar for name, bar in BARS.items()), means
    differing = (drawn.images(drawn.index(classes))[..., 0] != official).sum(axis=(1, 2))
    assert max(mean_by_shape(differing, classes).values()) <= 1


@pytest.mark.parametrize(("column", "size"), [(2, 6), (3, 39), (4, 32), (5, 32)])
def test_one_class_beside_the_right_one_misses_the_bar(drawn, official, column, size):
    classes = film_classes()
    beside = classes.copy()
    beside[:, column] = (classes[:, column] + 1) % size
    means = mean_by_shape(agreement(drawn, official, beside), classes)
    assert all(means[name] < bar - 0.03 for name, bar in BARS.items()), means


def test_turning_the_other_way_misses_the_bar(drawn, official):
    classes = film_classes()
    mirrored = classes.copy()
    mirrored[:, 3] = (39 - classes[:, 3]) % 39
    turned = classes[:, 3] % 39 > 0
    found = agreement(drawn, official[turned], mirrored[turned])
    means = mean_by_shape(found, classes[turned])
    assert all(means[name] < bar - 0.03 for name, bar in BARS.items()), means


def test_every_picture_holds_one_whole_shape(drawn):
    pictures, classes = drawn.sample(300, random_state=0)
    assert (pictures.shape, pictures.dtype) == ((300, 64, 64, 1), np.uint8)
    assert set(np.unique(pictures)) == {0, 255}
    for picture, row in zip(pictures[..., 0], classes, strict=True):
        assert label(picture, structure=np.ones((3, 3)))[1] == 1
        x, y = OUTLINES[SHAPES[row[1]]].T
        whole = 0.5 * abs(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1)))
        area = whole * (0.5 + 0.1 * row[2]) ** 2
        assert abs((picture > 0).sum() - area) < 1.2 * np.sqrt(area)
        assert not picture[[0, -1]].any()
        assert not picture[:, [0, -1]].any()


def test_all_the_way_right_or_down_is_half_a_picture(drawn):
    rng = np.random.default_rng(1)
    classes = rng.integers(drawn.factor_sizes, size=(100, 6))
    for column, axis in ((4, 2), (5, 1)):
        ends = [classes.copy(), classes.copy()]
        ends[0][:, column], ends[1][:, column] = 0, 31
        first, last = (drawn.images(drawn.index(end)) for end in ends)
        np.testing.assert_array_equal(np.roll(first, 32, axis=axis), last)


@pytest.mark.parametrize("shape", [0, 1])
def test_the_middle_is_where_the_classes_say(drawn, shape):
    classes = np.random.default_rng(2).integers(drawn.factor_sizes, size=(100, 6))
    classes[:, 1] = shape
    for picture, row in zip(drawn.images(drawn.index(classes)), classes, strict=True):
        down, right = np.array(center_of_mass(picture[..., 0])) + 0.5
        # A square along the axes gains or loses a whole column at a time: half a pixel at most.
        np.testing.assert_allclose([right, down], 16 + 32 * row[4:] / 31, rtol=0, atol=0.5)


def test_images_are_in_the_order_of_dsprites(drawn):
    assert (drawn.layout.factors, drawn.layout.periods) == (LAYOUT.factors, LAYOUT.periods)
    strides = {"y": 1, "x": 32, "orientation": 32**2, "scale": 40 * 32**2, "shape": 240 * 32**2}
    origin = drawn.index([[0, 0, 1, 5, 3, 4]])[0]
    for name, stride in strides.items():
        expected = [0, 0, 1, 5, 3, 4]
        expected[drawn.factor_names.index(name)] += 1
        np.testing.assert_array_equal(drawn.factors([origin + stride]), [expected])
        pair = drawn.images([origin, origin + stride])
        assert (pair[0] != pair[1]).any()


def test_any_order_and_any_batch_give_the_same_pictures(drawn):
    pictures, classes = drawn.sample(200, random_state=3)
    index = drawn.index(classes)
    np.testing.assert_array_equal(sprites().images(index[::-1])[::-1], pictures)
    single = np.concatenate([drawn.images(index[k : k + 1]) for k in range(20)])
    np.testing.assert_array_equal(single, pictures[:20])


def test_the_first_and_the_last_orientation_are_one(drawn):
    classes = np.random.default_rng(4).integers(drawn.factor_sizes, size=(200, 6))
    ends = [classes.copy(), classes.copy()]
    ends[0][:, 3], ends[1][:, 3] = 0, 39
    first, last = (drawn.images(drawn.index(end)) for end in ends)
    np.testing.assert_array_equal(first, last)
    assert drawn.circular[3]


@pytest.mark.parametrize("shape", SHAPES)
def test_a_shape_looks_the_same_after_its_period_and_not_before(shape):
    angles = np.random.default_rng(5).uniform(0, 2 * np.pi, size=50)

    def at(angles):
        corners = place(OUTLINES[shape], np.ones(50), angles, np.full((50, 2), 0.37))
        return fill_polygons(corners, 64)

    period = ORIENTATION_PERIODS[shape]
    np.testing.assert_array_equal(at(angles + period), at(angles))
    for part in (period / 2, period / 3):
        assert (at(angles + part) != at(angles)).sum(axis=(1, 2)).min() > 20


@pytest.mark.parametrize("shape", SHAPES)
def test_orientations_of_one_shape_go_round_its_own_period(shape):
    """Its 40 classes divide that: the nearer, the more alike, and the last is beside the first."""
    one = sprites(shape)
    assert one.factor_names == ("scale", "orientation", "x", "y")
    assert one.circular == (False, True, False, False)
    rows = np.array([[5, turn, 16, 16] for turn in range(40)])
    pictures = one.images(one.index(rows))[..., 0] > 0
    differing = (pictures[:, None] != pictures[None]).sum(axis=(2, 3))
    apart = np.abs(np.subtract.outer(np.arange(40), np.arange(40)))
    apart = np.minimum(apart, 40 - apart)  # around the circle
    # a square that is turned by two degrees to either side fills the same pixels
    assert differing[apart > 2].min() > 0
    assert differing[apart == 1].mean() < differing[apart == 10].mean() / 2


def test_one_shape_is_drawn_as_among_all(drawn):
    heart = sprites("heart")
    mine = heart.images(heart.index([[3, 0, 5, 9]]))
    np.testing.assert_array_equal(mine, drawn.images(drawn.index([[0, 2, 3, 0, 5, 9]])))


def test_an_unknown_shape_is_named():
    with pytest.raises(InputError, match="square, ellipse, heart; got 'star'"):
        sprites("star")
