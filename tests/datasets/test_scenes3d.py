"""Rendered scenes: what each factor changes, and that colours are linear in the layers."""

from itertools import pairwise

import numpy as np
import pytest

from nearid import InputError
from nearid.datasets.raycast import SHAPES, render_layers
from nearid.datasets.scenes3d import hue_colours, painter, scenes3d

BASE = [0, 6, 3, 4, 0, 7]


@pytest.fixture(scope="module")
def scenes():
    return scenes3d(16)


def distance(a, b):
    return np.abs(a.astype(float) - b.astype(float)).mean()


def test_every_factor_changes_the_picture(scenes):
    for column, size in enumerate(scenes.factor_sizes):
        classes = np.tile(BASE, (size, 1))
        classes[:, column] = np.arange(size)
        pictures = scenes.images(scenes.index(classes))
        steps = [distance(a, b) for a, b in pairwise(pictures)]
        assert min(steps) > 0.3


def test_hues_are_circles_and_orientation_is_not(scenes):
    classes = np.tile(BASE, (10, 1))
    classes[:, 1] = np.arange(10)
    hues = scenes.images(scenes.index(classes))
    assert distance(hues[0], hues[9]) < distance(hues[0], hues[5])
    classes = np.tile(BASE, (15, 1))
    classes[:, 5] = np.arange(15)
    turned = scenes.images(scenes.index(classes))
    assert distance(turned[0], turned[14]) > distance(turned[0], turned[1])


def test_colours_act_linearly_on_the_layers(scenes):
    index = np.random.default_rng(0).integers(scenes.n_images, size=50)
    classes = scenes.factors(index)
    layers = painter(16).layers.reshape(8, 4, 15, 256, 4)
    for picture, row in zip(scenes.images(index), classes, strict=True):
        light = layers[tuple(row[3:])]
        colours = np.concatenate([hue_colours(row[:3] / 10), np.ones((1, 3))])
        expected = np.minimum(255 * light @ colours, 255).reshape(16, 16, 3)
        assert np.abs(picture - expected).max() < 0.51


@pytest.mark.parametrize("shape", SHAPES)
def test_layers_cover_the_picture_and_the_object_grows(shape):
    shares = []
    for scale in (0.75, 1.25):
        layers = render_layers(shape, scale, 10.0, 32)
        assert np.isfinite(layers).all()
        assert layers.min() >= 0
        assert ((layers[:3] > 0).sum(axis=0) >= 1).all()
        assert layers[:3].sum(axis=0).max() <= 1
        shares.append((layers[2] > 0).mean())
    assert 0.02 < shares[0] < shares[1] < 0.5


def test_resolutions_agree():
    small, large = (render_layers("cube", 1.0, -20.0, size) for size in (16, 32))
    averaged = large.reshape(4, 16, 2, 16, 2).mean(axis=(2, 4))
    assert np.abs(small - averaged).mean() < 0.01


def test_the_shadow_falls_on_floor_or_wall_alone():
    with_object = render_layers("sphere", 1.2, 0.0, 32)
    without = render_layers("sphere", 1e-3, 0.0, 32)
    bare = with_object[2] == 0
    darker = (without - with_object)[:2].sum(axis=0)
    assert darker[bare].min() > -1e-5
    assert darker[bare].max() > 0.2


def test_same_index_same_picture(scenes):
    pictures, classes = scenes.sample(20, random_state=3)
    np.testing.assert_array_equal(pictures, scenes3d(16).images(scenes.index(classes)))


@pytest.mark.parametrize("size", [4, 16.5, "64"])
def test_wrong_size(size):
    with pytest.raises(InputError, match="from 8"):
        scenes3d(size)
