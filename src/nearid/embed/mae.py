"""Masked auto-encoders of Hugging Face, which mask and shuffle at random even in evaluation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

__all__ = ["nothing_masked"]

#: The part of transformers' ViTMAE that masks: it keeps the patches of the least noise, in the
#: order of their noise, and so shuffles them even where it keeps all.
MASKING = "ViTMAEEmbeddings"


@contextmanager
def nothing_masked(module: Any) -> Iterator[list[str]]:
    """Have every ViTMAE within a module keep all patches in their order, and say so.

    The ratio of its configuration is zero meanwhile, and the noise increases along the patches.
    """
    parts = [part for part in module.modules() if type(part).__name__ == MASKING]
    ratios = [(part.config, part.config.mask_ratio) for part in parts]
    with ExitStack() as stack:
        for config, ratio in ratios:
            stack.callback(setattr, config, "mask_ratio", ratio)
        for part in parts:
            hook = part.register_forward_pre_hook(_in_order, with_kwargs=True)
            stack.callback(hook.remove)
            part.config.mask_ratio = 0.0
        said = "the masked auto-encoder saw every patch, in order: its random mask was off"
        yield [said] if parts else []


def _in_order(part: Any, arguments: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, Any]:
    """Give increasing noise, which keeps the patches in their order."""
    import torch

    pixels = arguments[0] if arguments else named["pixel_values"]
    size = part.config.patch_size
    patches = (pixels.shape[-2] // size) * (pixels.shape[-1] // size)
    noise = torch.arange(patches, device=pixels.device, dtype=torch.float32)
    noise = noise.expand(len(pixels), patches)
    if len(arguments) > 1:  # (pixels, noise, …)
        return (pixels, noise, *arguments[2:]), named
    return arguments, {**named, "noise": noise}
