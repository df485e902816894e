import numpy as np
import pytest
import torch

from nearid.errors import InputError
from nearid.models import initialise, train
from nearid.models.ensemble import ensemble, set_linear

ALPHAS = [0.1, 1.0]


def make(l2=0.0, repeats=2):
    return initialise(
        lambda: ensemble([6, 5, 2], [2, 5, 6], alphas=ALPHAS, repeats=repeats, l2=l2), 0
    )


def test_a_member_computes_what_the_ensemble_does():
    model = make()
    x = torch.randn(7, 2, 6)
    z = model.encoder(model.inputs(x))
    out = model.decoder(z)
    assert out.shape == (4, 7, 6)
    for number in range(4):
        own = model.encoder.member(number)(x[:, number // 2])
        torch.testing.assert_close(own, z[number])
        decoder = model.decoder.member(number)
        assert decoder[1].negative_slope == pytest.approx(ALPHAS[number // 2])
        torch.testing.assert_close(decoder(own), out[number])


def test_members_are_trained_as_if_alone():
    data = np.random.default_rng(0).normal(size=(50, 2, 6)).astype("f")
    together = make(l2=1e-3)
    options = {"steps": 20, "lr": 1e-2, "batch_size": 10}
    whole = train(together, data, **options)
    alone = ensemble([6, 5, 2], [2, 5, 6], alphas=ALPHAS[1:], repeats=1, l2=1e-3)
    with torch.no_grad():
        for own, all_ in zip(alone.parameters(), together.parameters(), strict=True):
            own.copy_(all_[3:])
    single = train(alone, data[:, 1:], **options)
    for own, all_ in zip(single.model.parameters(), whole.model.parameters(), strict=True):
        torch.testing.assert_close(own, all_[3:], rtol=1e-4, atol=1e-5)


def test_each_member_may_have_a_weight_of_its_own():
    x = torch.randn(7, 2, 6)
    plain, mixed = make(), make(l2=[0.0, 1.0, 0.0, 2.0])
    own = [*mixed.encoder.weights, *mixed.decoder.weights]
    extra = sum((w[1] ** 2).sum() + 2 * (w[3] ** 2).sum() for w in own)
    torch.testing.assert_close(mixed.loss(x) - plain.loss(x), extra, rtol=1e-4, atol=1e-4)
    with pytest.raises(InputError, match="l2 must be one number, or 4; got 3"):
        make(l2=[0.0, 1.0, 2.0])


def test_members_start_at_different_isometries():
    model = make()
    weight = model.decoder.weights[0]
    assert not torch.equal(weight[0], weight[1])
    torch.testing.assert_close(weight @ weight.mT, torch.eye(2).expand(4, 2, 2))


def test_one_data_set_is_everyones():
    x = torch.randn(7, 1, 6)
    given = make().inputs(x)
    assert given.shape == (4, 7, 6)
    assert torch.equal(given[0], given[3])


@pytest.mark.parametrize("width", [12, 13])
def test_members_start_at_the_linear_maps_they_are_given(width):
    model = ensemble([6, width, 2], [2, width, 6], alphas=ALPHAS, repeats=2)
    maps, x = torch.randn(4, 6, 2), torch.randn(4, 50, 6)
    set_linear(model.encoder, maps)
    set_linear(model.decoder, maps.mT)
    torch.testing.assert_close(model.encoder(x), x @ maps, rtol=1e-4, atol=1e-4)
    codes = x[..., :2]
    torch.testing.assert_close(model.decoder(codes), codes @ maps.mT, rtol=1e-4, atol=1e-4)
    # the function is linear, the units are not: hidden weights differ, and training bends it
    assert not torch.equal(model.encoder.weights[0][0], model.encoder.weights[0][1])
    data = np.random.default_rng(0).normal(size=(50, 1, 6)).astype("f")
    trained = train(model, data, steps=20, lr=1e-2, batch_size=10).model
    bent = [trained.decoder(codes) + trained.decoder(-codes) for codes in (codes, 2 * codes)]
    defect = (bent[1] - bent[0]).abs().amax(dim=(1, 2))
    assert (defect[:2] > 0.01).all()  # slope 0.1
    assert (defect[2:] < 1e-4).all()  # slope 1: linear for ever


def test_a_linear_start_needs_units_in_pairs():
    model = ensemble([6, 11, 2], [2, 4, 5, 6], alphas=ALPHAS, repeats=2)
    with pytest.raises(InputError, match=r"two units per input; got .* \[6, 11, 2\]"):
        set_linear(model.encoder, torch.zeros(4, 6, 2))
    with pytest.raises(InputError, match="one hidden layer"):
        set_linear(model.decoder, torch.zeros(4, 2, 6))


def test_wrong_sizes_have_messages():
    with pytest.raises(InputError, match="must lead back from latents to inputs"):
        ensemble([6, 2], [3, 6], alphas=[1.0], repeats=1)
    with pytest.raises(InputError, match="there must be slopes and repeats"):
        ensemble([6, 2], [2, 6], alphas=[], repeats=1)
