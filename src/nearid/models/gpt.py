"""A small decoder-only transformer over tokens, such as the characters of a text."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from nearid.errors import InputError
from nearid.models.objective import check_sizes
from nearid.optional import require

__all__ = ["tiny_gpt"]

#: Standard deviation of initial weights.
SPREAD = 0.02


@lru_cache(maxsize=1)
def block_class() -> Any:
    """Return the class of one layer: causal attention, then two dense layers."""
    torch = require("torch", extra="torch")
    nn = torch.nn

    class Block(nn.Module):  # type: ignore[misc, name-defined]
        """Two residual parts, normalised before each or after it."""

        def __init__(self, width: int, heads: int, pre_norm: bool) -> None:
            super().__init__()
            self.heads, self.pre_norm = heads, pre_norm
            self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
            self.into, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
            self.mlp = nn.Sequential(
                nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
            )

        def extra_repr(self) -> str:
            """Name what the layers do not show; it is part of what determines a run."""
            return f"heads={self.heads}, pre_norm={self.pre_norm}"

        def attend(self, x: Any) -> Any:
            """Mix each token with those before it."""
            n, length, width = x.shape
            parts = self.into(x).reshape(n, length, 3, self.heads, width // self.heads)
            query, key, value = parts.permute(2, 0, 3, 1, 4)
            mixed = nn.functional.scaled_dot_product_attention(query, key, value, is_causal=True)
            return self.out(mixed.transpose(1, 2).reshape(n, length, width))

        def forward(self, x: Any) -> Any:
            """Map (n, length, width) to the same shape."""
            if self.pre_norm:
                x = x + self.attend(self.norm1(x))
                return x + self.mlp(self.norm2(x))
            x = self.norm1(x + self.attend(x))
            return self.norm2(x + self.mlp(x))

    return Block


@lru_cache(maxsize=1)
def gpt_class() -> Any:
    """Return the class of decoder-only transformers."""
    torch = require("torch", extra="torch")
    nn = torch.nn

    class TinyGPT(nn.Module):  # type: ignore[misc, name-defined]
        """From tokens (n, length) to logits of what comes next (n, length, vocabulary)."""

        #: Its training data are numbers of tokens, not floating numbers.
        takes_tokens = True

        def __init__(
            self, vocabulary: int, context: int, width: int, depth: int, heads: int, pre_norm: bool
        ) -> None:
            super().__init__()
            self.tokens = nn.Embedding(vocabulary, width)
            self.positions = nn.Embedding(context, width)
            self.blocks = nn.Sequential(
                *[block_class()(width, heads, pre_norm) for _ in range(depth)]
            )
            # a post-norm layer ends in a norm of its own
            self.norm = nn.LayerNorm(width) if pre_norm else nn.Identity()
            self.head = nn.Linear(width, vocabulary, bias=False)
            self.apply(_initialise)

        def forward(self, tokens: Any) -> Any:
            """Return logits of each next token."""
            length, context = tokens.shape[1], self.positions.num_embeddings
            if length > context:
                raise InputError(
                    f"windows may have up to {context} tokens (the model's context); got {length}: "
                    f"cut them"
                )
            places = torch.arange(length, device=tokens.device)
            x = self.tokens(tokens) + self.positions(places)
            return self.head(self.norm(self.blocks(x)))

        def loss(self, windows: Any) -> Any:
            """Return the cross-entropy in nats a token, of windows (n, length + 1)."""
            logits = self(windows[:, :-1])
            return nn.functional.cross_entropy(logits.flatten(0, 1), windows[:, 1:].flatten())

    TinyGPT.__qualname__ = "TinyGPT"  # found here again when a pickled model is loaded
    return TinyGPT


def __getattr__(name: str) -> Any:
    if name == "TinyGPT":
        return gpt_class()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _initialise(layer: Any) -> None:
    """Draw weights small, as transformers need it; biases are 0."""
    nn = require("torch", extra="torch").nn
    if isinstance(layer, nn.Linear | nn.Embedding):
        nn.init.normal_(layer.weight, std=SPREAD)
    if isinstance(layer, nn.Linear) and layer.bias is not None:
        nn.init.zeros_(layer.bias)


def tiny_gpt(
    vocabulary: int,
    *,
    context: int = 64,
    width: int = 64,
    depth: int = 4,
    heads: int = 4,
    pre_norm: bool = True,
) -> Any:
    r"""Make a decoder-only transformer, trained to predict the next token.

    .. math:: -\langle\log p(t_{i+1} \mid t_1 \dots t_i)\rangle_i

    Parameters
    ----------
    vocabulary : int
        Number of different tokens, which are numbered from 0.
    context : int, default 64
        The most tokens that it sees at once; windows to train on have one more.
    width, depth, heads : int
        Length of a token's representation, number of layers, and of attention heads in each, of
        which the width is a multiple.
    pre_norm : bool, default True
        Whether layers normalise what goes into them, or what comes out.

    Returns
    -------
    torch.nn.Module
        ``TinyGPT``: its layers are ``blocks.0``, ``blocks.1``, …; ``loss(windows)`` takes int64
        numbers of tokens, shape (n, context + 1).

    Raises
    ------
    InputError
        If a size is below 1, or the width no multiple of the heads.

    References
    ----------
    Radford, Wu, Child, Luan, Amodei & Sutskever, Language models are unsupervised multitask
    learners, 2019 (pre-norm); Vaswani et al., Attention is all you need, NeurIPS 2017 (post-norm).

    Examples
    --------
    >>> import torch
    >>> tiny_gpt(65, context=8, depth=2)(torch.zeros(3, 8, dtype=torch.int64)).shape
    torch.Size([3, 8, 65])
    """
    check_sizes([vocabulary, context, width, depth, heads])
    if width % heads:
        raise InputError(f"the width must be a multiple of the heads; got {width} and {heads}")
    return gpt_class()(vocabulary, context, width, depth, heads, pre_norm)
