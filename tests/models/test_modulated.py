import numpy as np
import pytest
import torch
from torch import nn

from nearid.decoder import bilipschitz
from nearid.errors import InputError
from nearid.models import MODELS, initialise, modulated, train

WIDTHS = [32, 32, 32, 64, 64, 64, 128, 128, 128, 256, 256, 256]
KERNELS = [3, 3, 4] * 4


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


def test_the_published_encoder():
    encoder = modulated((3, 64, 64)).encoder(12)
    convolutions = [layer for layer in encoder if isinstance(layer, nn.Conv2d)]
    assert [layer.out_channels for layer in convolutions] == WIDTHS
    assert [layer.kernel_size[0] for layer in convolutions] == KERNELS
    assert [layer.stride[0] for layer in convolutions] == [1, 1, 2] * 4
    kernels = sum(a * b * k * k for a, b, k in zip([3, *WIDTHS], WIDTHS, KERNELS, strict=False))
    dense = (4096 + 1) * 256 + (256 + 1) * 256 + (256 + 1) * 12
    assert count(encoder) == kernels + 2 * sum(WIDTHS) + dense == 3_684_524


def test_the_published_decoder():
    decoder = modulated((3, 64, 64)).decoder(12)
    widths = WIDTHS[::-1]
    assert decoder.start.shape == (256, 4, 4)
    kernels = sum(a * b * k * k for a, b, k in zip([256, *widths], widths, KERNELS, strict=False))
    style = (12 + 1) * 256 + (256 + 1) * 256
    modulation = (256 + 1) * 2 * sum(widths)
    last = 32 * 3 * 9
    expected = decoder.start.numel() + style + kernels + modulation + last
    assert count(decoder) == expected == 3_967_136


def test_the_published_size_trains_two_steps():
    x = np.random.default_rng(0).uniform(size=(2, 3, 64, 64)).astype("f")
    model = initialise(lambda: MODELS["qlae"](modulated((3, 64, 64)), 12), 0)
    run = train(model, x, steps=2, lr=1e-4, batch_size=2)
    # logits near 0 and numbers around ½: the entropy of a fair coin
    assert run.losses[0] == pytest.approx(np.log(2), abs=0.3)
    assert run.losses[1] < run.losses[0]


def test_a_block_scales_and_shifts_normalised_channels():
    torch.manual_seed(0)
    decoder = modulated((1, 16, 16), widths=(4, 6)).decoder(3)
    block, x, style = decoder.blocks[0], torch.randn(5, 6, 4, 4), torch.randn(5, 256)
    out = block(x, style)
    scale, shift = block.modulate(style).chunk(2, dim=1)
    assert scale.min() == shift.min() == 0  # through rectifiers
    torch.testing.assert_close(out.mean(dim=(2, 3)), shift, rtol=1e-4, atol=1e-5)
    spread = out.std(dim=(2, 3), correction=0)
    torch.testing.assert_close(spread, scale, rtol=1e-3, atol=1e-4)


def test_images_without_latents_are_all_the_same():
    torch.manual_seed(0)
    decoder = modulated((1, 16, 16), widths=(4, 6)).decoder(3)
    z = torch.randn(4, 3)
    assert decoder(z).std(dim=0).max() > 1e-3
    with torch.no_grad():
        decoder.style[0].weight.zero_()
    assert decoder(z).std(dim=0).max() < 1e-6


def test_the_decoder_has_bi_lipschitz_constants():
    decoder = initialise(lambda: modulated((1, 16, 16), widths=(4, 6)).decoder(3), 0).double()
    z = torch.from_numpy(np.random.default_rng(0).normal(size=(6, 3)))
    found = bilipschitz(decoder, z)
    step = 1e-6
    with torch.no_grad():
        sides = [torch.stack([decoder(z + s * e) for e in torch.eye(3)]) for s in (step, -step)]
    jacobians = ((sides[0] - sides[1]) / (2 * step)).flatten(2).permute(1, 2, 0)
    values = torch.linalg.svdvals(jacobians).numpy()
    np.testing.assert_allclose(found.sigma_max, values[:, 0], rtol=1e-4)
    np.testing.assert_allclose(found.sigma_min, values[:, -1], rtol=1e-4)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: modulated((3, 60, 64)), "multiples of 16, from 32; got images of 60 × 64"),
        (lambda: modulated((3, 16, 16)), "multiples of 16, from 32; got images of 16 × 16"),
        (lambda: modulated((0, 32, 32)), "sizes of layers are whole numbers from 1"),
        (lambda: MODELS["ae"](modulated((1, 32, 32)), 0), "sizes of layers are whole numbers"),
    ],
)
def test_wrong_sizes_have_messages(make, message):
    with pytest.raises(InputError, match=message):
        make()
