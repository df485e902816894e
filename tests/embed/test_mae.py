"""Masked auto-encoders: every patch is seen, in its order, and their own settings come back."""

import numpy as np
import pytest
import torch
from transformers import ViTMAEConfig, ViTMAEForPreTraining

from nearid.embed import embed
from nearid.embed.mae import nothing_masked
from nearid.errors import InputError

SIZES = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "image_size": 16,
    "patch_size": 4,
    "num_channels": 1,
    "decoder_hidden_size": 16,
    "decoder_num_hidden_layers": 1,
    "decoder_num_attention_heads": 2,
    "decoder_intermediate_size": 32,
}
PICTURES = np.random.default_rng(0).normal(size=(5, 1, 16, 16)).astype("float32")


@pytest.fixture
def model():
    """A tiny masked auto-encoder, encoder and decoder."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return ViTMAEForPreTraining(ViTMAEConfig(**SIZES))


def plain(model, mask_ratio, noise):
    """The tokens that its encoder returns in a plain call."""
    model.config.mask_ratio = mask_ratio
    with torch.no_grad():
        return model.eval().vit(torch.from_numpy(PICTURES), noise=noise).last_hidden_state


def test_tokens_are_those_of_a_plain_call_that_masks_nothing(model):
    found = embed(model, PICTURES, pool="tokens", layers="vit")
    expected = plain(model, 0.0, torch.arange(16.0).expand(5, 16))
    assert np.array_equal(found.layers["vit"], expected.flatten(0, 1).numpy())
    assert "its random mask was off" in found.notices[0]


def test_left_alone_it_shuffles_even_without_a_mask(model):
    kept = plain(model, 0.0, torch.arange(16.0).expand(5, 16))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        shuffled = plain(model, 0.0, None)
    assert shuffled.shape == kept.shape
    assert not torch.allclose(shuffled, kept, atol=1e-3)
    # the same tokens in another order
    torch.testing.assert_close(shuffled.sum(dim=1), kept.sum(dim=1), atol=1e-4, rtol=1e-4)


def test_a_token_is_that_of_its_patch(model):
    before = embed(model, PICTURES, pool="tokens", layers="vit.embeddings")
    changed = PICTURES.copy()
    changed[:, :, 4:8, 8:12] += 1  # the seventh patch, after the class token
    after = embed(model, changed, pool="tokens", layers="vit.embeddings")
    rows = np.abs(after.layers["vit.embeddings"] - before.layers["vit.embeddings"]).max(axis=1)
    assert {row.partition("#")[2] for row in before.ids[rows > 0]} == {"7"}


def test_its_own_mask_and_hooks_come_back(model):
    embed(model, PICTURES)
    assert model.config.mask_ratio == 0.75
    assert not any(part._forward_pre_hooks for part in model.modules())
    with pytest.raises(InputError, match="refused"):
        embed(model, PICTURES[:, :, :8])
    assert model.config.mask_ratio == 0.75
    assert not any(part._forward_pre_hooks for part in model.modules())


@pytest.mark.parametrize("given", ["by name", "by place"])
def test_noise_that_was_given_is_replaced(model, given):
    pixels, noise = torch.from_numpy(PICTURES), torch.rand(5, 16)
    with nothing_masked(model), torch.no_grad():
        part = model.vit.embeddings
        tokens, _, order = part(pixels, noise) if given == "by place" else part(pixels, noise=noise)
    assert tokens.shape[1] == 17
    assert torch.equal(order, torch.arange(16).expand(5, 16))


def test_decoder_layers_are_read_too(model):
    found = embed(model, PICTURES, pool="tokens", layers=["decoder.decoder_pred", "vit"])
    assert found.layers["decoder.decoder_pred"].shape == (5 * 17, 16)
