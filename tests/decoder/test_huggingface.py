"""Decoders of Hugging Face, from their configurations and random weights: nothing is downloaded."""

import numpy as np
import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel, ViTMAEConfig, ViTMAEForPreTraining

from nearid.decoder import bilipschitz
from nearid.errors import InputError


class Pictures(torch.nn.Module):
    """The decoder of a masked auto-encoder, for one mask: visible tokens to pixels."""

    def __init__(self):
        super().__init__()
        config = ViTMAEConfig(
            image_size=8,
            patch_size=4,
            num_channels=2,
            hidden_size=6,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=8,
            decoder_hidden_size=8,
            decoder_num_hidden_layers=2,
            decoder_num_attention_heads=2,
            decoder_intermediate_size=16,
            initializer_range=0.5,
        )
        self.decoder = ViTMAEForPreTraining(config).decoder
        self.register_buffer("ids_restore", torch.tensor([2, 0, 3, 1]))

    def forward(self, tokens):
        return self.decoder(tokens, self.ids_restore.expand(len(tokens), -1))


class Language(torch.nn.Module):
    """GPT-2 from the embeddings of its tokens to logits."""

    def __init__(self):
        super().__init__()
        config = GPT2Config(
            vocab_size=11,
            n_positions=8,
            n_embd=6,
            n_layer=2,
            n_head=2,
            initializer_range=0.5,
        )
        self.model = GPT2LMHeadModel(config)

    def forward(self, tokens):
        return self.model(inputs_embeds=tokens)


#: Each with its number of tokens: the class token and two visible patches; a text.
MODELS = {"ViTMAE": (Pictures, 3), "GPT-2": (Language, 5)}


@pytest.fixture(scope="module", params=MODELS)
def case(request):
    """A decoder, latents, and the Jacobian at each of them by reverse differentiation."""
    make, n_tokens = MODELS[request.param]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        decoder = make().double().eval()
    latents = np.random.default_rng(0).normal(size=(12, n_tokens, 6))
    if make is Language:  # which never sees the mean of an embedding: see below
        latents -= latents.mean(axis=2, keepdims=True)
    return decoder, latents, jacobians(decoder, latents)


def jacobians(decoder, latents):
    def call(sequence):
        return decoder(sequence[None]).logits.flatten()

    found = [torch.autograd.functional.jacobian(call, z) for z in torch.from_numpy(latents)]
    return torch.stack(found).numpy()


@pytest.mark.parametrize("method", ["exact", "lanczos"])
@pytest.mark.parametrize("tokens", [slice(None), slice(-1, None), slice(None, None, 2)])
def test_singular_values_are_those_of_the_jacobian(case, tokens, method):
    decoder, latents, full = case
    found = bilipschitz(decoder, latents, tokens=tokens, method=method, random_state=0)
    of_tokens = full[:, :, tokens].transpose(0, 2, 1, 3).reshape(-1, full.shape[1], 6)
    expected = np.linalg.svd(of_tokens @ found.live_basis, compute_uv=False)
    assert expected.shape[1] == (6 if isinstance(decoder, Pictures) else 5)
    np.testing.assert_allclose(found.sigma_max, expected[:, 0], rtol=1e-8)
    # GPT-2's last token ends at a normalisation that all but takes away its length: σ_min is tiny
    off = np.abs(found.sigma_min - expected[:, -1])
    assert (off <= found.sigma_min_error + 1e-8 * found.sigma_max).all()
    assert (found.sigma_min_error <= 1e-5 * found.sigma_max).all()


def test_float32_is_near_float64(case):
    decoder, latents, full = case
    found = bilipschitz(decoder, latents.astype("f"), tokens=slice(1, 2))
    expected = np.linalg.svd(full[:, :, 1] @ found.live_basis, compute_uv=False)
    assert found.resolution == np.finfo("f").eps
    np.testing.assert_allclose(found.sigma_max, expected[:, 0], rtol=1e-4)
    np.testing.assert_allclose(found.sigma_min, expected[:, -1], atol=1e-4 * expected.max())


def test_all_tokens_at_once_are_the_latent_of_a_function_that_unflattens_it(case):
    decoder, latents, full = case

    def unflattened(z):
        return decoder(z.unflatten(1, latents.shape[1:]))

    found = bilipschitz(unflattened, latents.reshape(12, -1)[:3], live_threshold=0)
    expected = np.linalg.svd(full[:3].reshape(3, full.shape[1], -1), compute_uv=False)
    np.testing.assert_allclose(found.sigma_max, expected[:, 0], rtol=1e-8)


def test_gpt2_does_not_see_the_mean_of_an_embedding():
    """Every block, and the output, begins with a normalisation that takes the mean away."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        decoder = Language()
    latents = np.random.default_rng(0).normal(size=(12, 5, 6))
    found = bilipschitz(decoder, latents, tokens=slice(2))
    assert found.live_basis.shape == (6, 6)
    assert (found.sigma_min == 0).all()
    assert found.constant == np.inf
    assert "at 24 of 24 latents the decoder is flat" in found.warnings[0]


def test_the_model_is_left_as_it_was_found(case):
    decoder, latents, _ = case
    decoder.train()
    before = {name: tensor.clone() for name, tensor in decoder.state_dict().items()}
    bilipschitz(decoder, latents.astype("f"), tokens=slice(1))
    assert all(part.training for part in decoder.modules())
    for name, tensor in decoder.state_dict().items():
        assert torch.equal(tensor, before[name])
        assert tensor.dtype == before[name].dtype
    assert all(parameter.grad is None for parameter in decoder.parameters())


def test_numbers_of_tokens_are_no_latents(case):
    decoder, latents, _ = case
    with pytest.raises(InputError, match="give the embeddings if these are token numbers"):
        bilipschitz(decoder, np.zeros(latents.shape, dtype=int), tokens=slice(None))
