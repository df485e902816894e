from functools import partial

import numpy as np
import pytest
import torch

from nearid.errors import InputError
from nearid.models import ae, bioae, encode, initialise, mlp, modulated, train


def test_the_penalties_by_hand():
    latents = torch.tensor([[-1.0, 2.0], [-3.0, 0.0]])
    signs = bioae(3, 2, nonnegativity=1.0, energy=0.0)
    energy = bioae(3, 2, nonnegativity=0.0, energy=0.1)
    assert float(signs.penalty(latents)) == pytest.approx((1 + 3) / 4)
    assert float(energy.penalty(latents)) == pytest.approx(0.1 * (1 + 4 + 9) / 4)


@pytest.mark.parametrize("architecture", [mlp(256), modulated((1, 16, 16), widths=(4, 6))])
def test_the_penalties_are_relative_to_the_error_of_one_number(architecture):
    x = torch.rand(6, 1, 16, 16) if architecture.logits else torch.rand(6, 256)
    model = initialise(partial(bioae, architecture, 3, energy=2.0), 0)
    plain = initialise(partial(ae, architecture, 3), 0)
    penalty = model.penalty(model.encode(x))
    scale = 1 if architecture.logits else 256
    torch.testing.assert_close(model.loss(x) - plain.loss(x), scale * penalty, rtol=1e-3, atol=1e-4)


def test_non_negativity_moves_codes():
    rng = np.random.default_rng(0)
    data = (rng.uniform(-1, 1, (256, 3)) @ rng.standard_normal((3, 8))).astype("f")
    means = []
    for weight in (0.0, 2.0):
        make = partial(bioae, mlp(8, widths=(16,)), 3, nonnegativity=weight, energy=0.01)
        run = train(initialise(make, 0), data, steps=300, lr=1e-2, weight_decay=0.01)
        means.append(np.minimum(encode(run.model, data), 0).mean())
    assert means[0] < -0.05
    assert means[1] > -0.02


@pytest.mark.parametrize("name", ["energy", "nonnegativity"])
def test_wrong_weights_have_messages(name):
    with pytest.raises(InputError, match=f"{name} is the weight of a penalty"):
        bioae(4, 2, **{name: float("inf")})
