"""Small results of every kind that a figure must draw, the degenerate ones included."""

import numpy as np
import pytest

import nearid

KINDS = ["same", "turned", "unrelated", "no_ica", "collapsed", "none_left", "one_column"]
KINDS += ["widths", "absolute", "wide", "many", "odd_names"]


def runs_of_kind(kind):
    """Return runs and settings that lead to a result of that kind."""
    rng = np.random.default_rng(0)
    z = rng.laplace(size=(300, 4))
    turn = np.linalg.qr(rng.standard_normal((4, 4)))[0]
    noisy = {"a": z, "b": z @ turn + 0.3 * rng.standard_normal(z.shape), "c": z[:, ::-1]}
    odd = ["<script>alert(1)</script>", '$x_1$ & "it\'s"', "表現\x1b[31m", "x" * 300]
    factors = rng.laplace(size=(300, 70))
    return {
        "same": ([z, z], {}),
        "turned": (noisy, {}),
        "unrelated": (list(rng.standard_normal((3, 300, 4))), {}),
        "no_ica": (noisy, {"ica": False}),
        "collapsed": ({"a": z, "flat": 0 * z, "b": z @ turn}, {}),
        "none_left": ({"a": z, "flat": 0 * z}, {}),
        "one_column": ([z[:, :1], -z[:, :1]], {}),
        "widths": ({"small": z[:, :3], "large": z}, {}),
        "absolute": (noisy, {"epsilon": 0.02, "groups": ["rigid"]}),
        "wide": ([factors, factors[:, ::-1]], {"ica": False, "n_components": 66}),
        "many": ([z @ turn + 0.1 * rng.standard_normal(z.shape) for _ in range(14)], {}),
        "odd_names": (dict(zip(odd, [z, z @ turn, -z, z + 1], strict=True)), {}),
    }[kind]


@pytest.fixture(scope="session", params=KINDS)
def result(request):
    """A result of each kind."""
    runs, settings = runs_of_kind(request.param)
    quick = {"n_bootstrap": 10, "n_null": 1, "n_random": 1, "random_state": 0}
    return nearid.statistical_identifiability(runs, **quick, **settings)


@pytest.fixture(scope="session")
def turned():
    """Three runs of one representation, turned and noisy."""
    runs, settings = runs_of_kind("turned")
    return nearid.statistical_identifiability(runs, random_state=0, n_bootstrap=20, **settings)
