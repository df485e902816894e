import pickle

import numpy as np
import pytest
import torch
from torch import nn

from nearid.errors import InputError
from nearid.ica import LatentICA
from nearid.ica.module import fold_into, ica_modules, read_modules, write_modules


@pytest.fixture(scope="module")
def latents(mixture):
    return mixture("laplace", "uniform", "skewed", n=5_000, dtype="float32").rows


@pytest.fixture(scope="module")
def ica(latents):
    return LatentICA(random_state=0).fit(latents)


def test_the_module_is_the_transform(ica, latents):
    transform, inverse = ica_modules(ica)
    found = transform(torch.from_numpy(latents))
    np.testing.assert_allclose(found.numpy(), ica.transform(latents), atol=2e-5)
    np.testing.assert_allclose(inverse(found).numpy(), latents, atol=2e-5)


def test_the_module_has_buffers_and_no_parameters(ica):
    transform, _ = ica_modules(ica)
    assert list(transform.parameters()) == []
    assert set(transform.state_dict()) == {"matrix", "offset"}


def test_state_dict_pickle_and_safetensors_give_it_back(ica, latents, tmp_path):
    transform, _ = ica_modules(ica)
    x = torch.from_numpy(latents[:10])
    fresh = type(transform)(3, 3)
    fresh.load_state_dict(transform.state_dict())
    write_modules(tmp_path / "m.safetensors", transform)
    stored = read_modules(tmp_path / "m.safetensors", type(transform)(3, 3))
    for other in (fresh, stored, pickle.loads(pickle.dumps(transform))):
        torch.testing.assert_close(other(x), transform(x), rtol=0, atol=0)


def linear_edges():
    return (
        nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 4)),
        nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 8)),
    )


def no_bias():
    return nn.Linear(8, 4, bias=False), nn.Linear(4, 8, bias=False)


def other_edges():
    return (
        nn.Sequential(nn.Linear(8, 4), nn.LeakyReLU(0.2)),
        nn.Sequential(nn.LeakyReLU(0.2), nn.Linear(4, 8)),
    )


@pytest.mark.parametrize("make", [linear_edges, no_bias, other_edges])
def test_folded_in_the_output_is_unchanged_and_the_latents_are_components(make):
    torch.manual_seed(0)
    encoder, decoder = make()
    x = torch.from_numpy(np.random.default_rng(0).laplace(size=(2_000, 8)).astype("f"))
    with torch.no_grad():
        z, out = encoder(x), decoder(encoder(x))
        ica = LatentICA(random_state=0, replication=False).fit(z)
        folded_encoder, folded_decoder = fold_into(encoder, decoder, ica)
        torch.testing.assert_close(folded_decoder(folded_encoder(x)), out, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(folded_encoder(x).numpy(), ica.transform(z), atol=1e-3)
        torch.testing.assert_close(decoder(encoder(x)), out, rtol=0, atol=0)


def test_a_folded_linear_model_has_no_more_layers():
    torch.manual_seed(0)
    encoder, decoder = linear_edges()
    x = torch.randn(2_000, 8)
    ica = LatentICA(random_state=0, replication=False).fit(encoder(x))
    folded, _ = fold_into(encoder, decoder, ica)
    assert len(folded) == len(encoder)


def test_an_ica_that_drops_dimensions_cannot_be_folded_in(latents):
    ica = LatentICA(2, random_state=0).fit(latents)
    with pytest.raises(InputError, match="keeps 2 components of latents of rank 3"):
        fold_into(nn.Linear(5, 3), nn.Linear(3, 5), ica)


def test_a_device_that_is_not_there_is_refused():
    rows = np.random.default_rng(0).laplace(size=(200, 2))
    with pytest.raises(InputError, match="device 'nowhere' cannot be used"):
        LatentICA(device="nowhere").fit(rows)
