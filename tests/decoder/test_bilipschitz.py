import json
import math
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

from nearid.decoder import bilipschitz
from nearid.errors import InputError
from nearid.linalg import random_orthogonal

METHODS = pytest.mark.parametrize("method", ["exact", "lanczos"])


@pytest.fixture
def latents(dtype):
    return np.random.default_rng(0).normal(size=(40, 5)).astype(dtype)


def linear(matrix, dtype="float64"):
    layer = nn.Linear(matrix.shape[1], matrix.shape[0])
    layer.weight.data = torch.tensor(np.asarray(matrix, dtype))
    layer.bias.data = layer.bias.data.to(layer.weight.dtype)
    return layer


def orthogonal(rows, columns, seed=0):
    return random_orthogonal(rows, np.random.default_rng(seed))[:, :columns]


def rounding(dtype):
    return float(100 * np.finfo(dtype).eps)


@METHODS
def test_a_linear_decoder_has_the_singular_values_of_its_matrix(latents, dtype, method):
    matrix = np.random.default_rng(1).normal(size=(9, 5))
    found = bilipschitz(linear(matrix, dtype), latents, method=method, random_state=0)
    expected = np.linalg.svd(matrix, compute_uv=False)
    np.testing.assert_allclose(found.sigma_max, expected[0], rtol=rounding(dtype))
    np.testing.assert_allclose(found.sigma_min, expected[-1], rtol=rounding(dtype))
    assert found.constant == pytest.approx(max(expected[0], 1 / expected[-1]), rel=1e-4)
    free = math.sqrt(expected[0] / expected[-1])
    assert found.constant_scale_free == pytest.approx(free, rel=1e-4)
    assert found.warnings == ()


@METHODS
def test_an_orthogonal_decoder_is_an_isometry(latents, dtype, method):
    found = bilipschitz(linear(orthogonal(9, 5), dtype), latents, method=method, random_state=0)
    assert found.constant == pytest.approx(1, abs=rounding(dtype))
    assert found.epsilon(c_D=3.0, diameter=2.0) == 0.0
    assert found.epsilon(c_D=3.0, diameter=2.0, scale_free=True) == 0.0


def test_a_scaled_orthogonal_decoder_is_one_up_to_its_scale(latents):
    found = bilipschitz(linear(0.2 * orthogonal(9, 5)), latents.astype(float))
    assert found.constant == pytest.approx(5.0)
    assert found.constant_scale_free == pytest.approx(1.0)
    assert found.scale == pytest.approx(5.0)
    assert found.epsilon(c_D=1.0, diameter=1.0) == pytest.approx(math.sqrt(24))
    assert found.epsilon(c_D=1.0, diameter=1.0, scale_free=True) == 0.0


def test_epsilon_is_the_formula_of_the_theorem(latents):
    found = bilipschitz(linear(np.diag([1.0, 1.0, 1.1, 1.2, 1.5])), latents)
    assert found.epsilon(c_D=2.0, diameter=3.0) == pytest.approx(2 * math.sqrt(2 * 0.5 + 0.25) * 3)


def test_a_translation_of_a_picture_is_locally_isometric_up_to_its_scale():
    # the paper's example: a blob moved over a wide canvas; moving it in x or y changes the picture
    # by as much everywhere, so the decoder is an isometry up to one scale
    grid = torch.arange(48.0, dtype=torch.float64)

    def draw(z):
        x, y = (20 + 8 * z).unbind(dim=1)
        bell = [torch.exp(-((grid - centre[:, None]) ** 2) / 18) for centre in (x, y)]
        return bell[0][:, :, None] * bell[1][:, None, :]

    found = bilipschitz(draw, np.random.default_rng(0).uniform(size=(30, 2)))
    assert found.constant_scale_free == pytest.approx(1, abs=1e-5)
    assert found.constant > 10


def test_a_decoder_that_bends_is_no_isometry():
    found = bilipschitz(
        lambda z: torch.cat([z, z**3], 1), np.random.default_rng(0).normal(size=(60, 2))
    )
    assert found.constant_scale_free > 2
    assert found.median < found.constant
    assert found.median_scale_free < found.constant_scale_free


def test_the_maximum_over_latents_is_the_constant_and_the_end_of_the_quantiles():
    z = np.array([[0.5], [1.0], [3.0]])
    found = bilipschitz(lambda z: z**2, z)
    np.testing.assert_allclose(found.sigma_max, [1, 2, 6])
    np.testing.assert_allclose(found.constants, [1, 2, 6])
    assert found.constant == pytest.approx(6)
    assert found.constant_scale_free == pytest.approx(math.sqrt(6))
    assert found.constants_scale_free.max() == pytest.approx(found.constant_scale_free)
    for name in ("constant", "constant_scale_free"):
        assert found.quantiles[name][1.0] == pytest.approx(getattr(found, name))
    assert found.quantiles["sigma_max"][0.5] == pytest.approx(2)
    for name in found.quantiles:
        assert list(found.quantiles[name].values()) == sorted(found.quantiles[name].values())


@pytest.mark.parametrize("scale", [0.1, 1.0, 7.0])
def test_the_scale_free_constant_does_not_depend_on_the_decoders_scale(scale):
    z = np.random.default_rng(0).normal(size=(30, 3))
    bend = lambda z: scale * torch.stack([z[:, 0], z[:, 1] + z[:, 0] ** 2, 2 * z[:, 2]], 1)  # noqa: E731
    plain = bilipschitz(lambda z: bend(z) / scale, z)
    assert bilipschitz(bend, z).constant_scale_free == pytest.approx(plain.constant_scale_free)


@pytest.mark.parametrize("method", ["exact", "lanczos"])
def test_a_dead_latent_is_left_out_and_named(method):
    z = np.random.default_rng(0).normal(size=(50, 3)) * [1, 1, 1e-3]
    found = bilipschitz(lambda z: z[:, :2] * 2.0, z, method=method, random_state=0)
    assert found.live_basis.shape == (3, 2)
    assert found.constant == pytest.approx(2.0, rel=1e-4)
    assert "1 of 3 dimensions of the latents are dead" in found.warnings[0]


def test_with_threshold_zero_the_dead_latent_makes_the_constant_infinite():
    z = np.random.default_rng(0).normal(size=(50, 3)) * [1, 1, 1e-3]
    found = bilipschitz(lambda z: z[:, :2] * 2.0, z, live_threshold=0)
    assert found.constant == math.inf
    assert found.constant_scale_free == math.inf
    assert found.epsilon(c_D=1, diameter=1) == math.inf
    assert "flat in a live direction" in found.warnings[0]
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["constant"] is None


def test_a_residual_stream_that_only_layer_norms_read_forgets_the_mean_of_a_latent():
    class Stream(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm, self.layer, self.last = nn.LayerNorm(6), nn.Linear(6, 6), nn.LayerNorm(6)

        def forward(self, z):
            return self.last(z + self.layer(self.norm(z)).tanh())

    z = np.random.default_rng(0).normal(size=(50, 6))
    torch.manual_seed(0)
    stream = Stream().double()
    found = bilipschitz(stream, z)
    assert (found.sigma_min == 0).all()
    assert "flat in a live direction" in found.warnings[0]
    # centred latents do not vary in that direction: it is dead, and the rest is measured
    centred = bilipschitz(stream, z - z.mean(axis=1, keepdims=True))
    assert centred.live_basis.shape == (6, 5)
    assert centred.constant < math.inf


def test_few_latents_are_no_evidence_of_dead_dimensions():
    z = np.random.default_rng(0).normal(size=(4, 5))
    found = bilipschitz(linear(np.eye(5)), z)
    assert found.live_basis.shape == (5, 5)
    assert found.constant == pytest.approx(1)
    assert "4 latents are too few" in found.warnings[0]


def test_lanczos_meets_the_exact_values_within_its_stated_error():
    torch.manual_seed(0)
    decoder = nn.Sequential(nn.Linear(192, 256), nn.LeakyReLU(0.5), nn.Linear(256, 300)).double()
    z = np.random.default_rng(0).normal(size=(6, 192))
    exact = bilipschitz(decoder, z)
    found = bilipschitz(decoder, z, method="lanczos", random_state=0)
    assert (found.sigma_max_error > 0).all()
    assert (
        np.abs(found.sigma_max - exact.sigma_max) <= found.sigma_max_error + exact.sigma_max_error
    ).all()
    assert (found.sigma_min_error < 0.2 * exact.sigma_max).all()
    assert (
        np.abs(found.sigma_min - exact.sigma_min) <= found.sigma_min_error + exact.sigma_min_error
    ).all()
    # Ritz values lie within the spectrum
    assert (found.sigma_max <= exact.sigma_max * (1 + 1e-12)).all()
    assert (found.sigma_min >= exact.sigma_min * (1 - 1e-12)).all()
    again = bilipschitz(decoder, z, method="lanczos", random_state=0)
    np.testing.assert_array_equal(found.sigma_min, again.sigma_min)


def test_lanczos_says_when_it_has_not_converged():
    torch.manual_seed(0)
    matrix = np.diag(np.geomspace(1e-3, 1, 400))
    found = bilipschitz(linear(matrix), np.eye(400)[:3], method="lanczos", random_state=0)
    assert any("Lanczos stopped after 96 products" in warning for warning in found.warnings)


def test_lanczos_goes_on_past_an_exhausted_krylov_space():
    # two distinct singular values: the Krylov space of any vector has two dimensions
    matrix = np.diag([3.0] * 10 + [0.5] * 10)
    found = bilipschitz(linear(matrix), np.eye(20)[:2], method="lanczos", random_state=0)
    np.testing.assert_allclose(found.sigma_max, 3.0, rtol=1e-12)
    np.testing.assert_allclose(found.sigma_min, 0.5, rtol=1e-9)


@pytest.mark.parametrize("batch_size", [1, 7, 1000])
@METHODS
def test_the_batch_size_does_not_matter(method, batch_size):
    torch.manual_seed(0)
    decoder = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 6)).double()
    z = np.random.default_rng(0).normal(size=(20, 4))
    one = bilipschitz(decoder, z, method=method, random_state=0)
    other = bilipschitz(decoder, z, method=method, random_state=0, batch_size=batch_size)
    np.testing.assert_allclose(one.sigma_max, other.sigma_max, rtol=1e-9)
    np.testing.assert_allclose(one.sigma_min, other.sigma_min, rtol=1e-9)


def test_where_the_jacobian_is_zero_the_condition_is_infinite():
    z = np.array([[1.0, 2.0], [-1.0, -2.0], [1.0, -2.0], [2.0, 1.0]])
    found = bilipschitz(lambda z: z.relu(), z)
    np.testing.assert_array_equal(found.condition, [1, np.inf, np.inf, 1])
    assert found.quantiles["condition"][1.0] == math.inf


def test_the_result_tells_its_story():
    found = bilipschitz(linear(np.diag([1.0, 2.0])), np.random.default_rng(0).normal(size=(9, 2)))
    text = found.summary()
    assert "decoder at 9 latents, 2 of 2 dimensions live (exact)" in text
    assert "median (predicts better)" in text
    held = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert held["constant"] == pytest.approx(2)
    assert held["quantiles"]["constant"]["1.0"] == pytest.approx(2)
    np.testing.assert_allclose(found.condition, 2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"method": "svd"}, "method must be one of exact, lanczos; got 'svd'"),
        ({"live_threshold": 1.5}, "live_threshold is a share"),
        ({"batch_size": 0}, "batch_size is a number of latents, from 1; got 0"),
    ],
)
def test_wrong_arguments_have_messages(change, message):
    with pytest.raises(InputError, match=message):
        bilipschitz(nn.Linear(2, 2), np.zeros((3, 2)), **change)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"c_D": -1, "diameter": 1}, "c_D must be a finite number from 0"),
        ({"c_D": 1, "diameter": math.nan}, "diameter must be a finite number from 0"),
        ({"c_D": 1, "diameter": 1, "statistic": "mean"}, 'statistic must be "max" or "median"'),
    ],
)
def test_epsilon_refuses(arguments, message):
    found = bilipschitz(nn.Linear(2, 2), np.random.default_rng(0).normal(size=(9, 2)))
    with pytest.raises(InputError, match=message):
        found.epsilon(**arguments)


def test_the_package_is_imported_without_torch():
    code = "import nearid.decoder, nearid.models, sys; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_without_torch_the_message_names_the_extra():
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "import nearid.decoder\n"
        "nearid.decoder.bilipschitz(abs, [[1.0]])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "pip install 'nearid[torch]'" in done.stderr
