"""Inputs that are texts, cut into tokens by the tokenizer of a model."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from nearid.embed.inputs import Batch
from nearid.embed.lines import BLOCK, Strings, digest, open_strings
from nearid.errors import InputError

__all__ = ["Texts", "texts"]

#: A tokenizer that knows no bound says so by a number above this.
UNBOUNDED = 10**9


@dataclass(frozen=True, eq=False)
class Texts:
    """Inputs that are texts; see :func:`texts`."""

    strings: Strings
    tokenizer: Any
    max_length: int | None
    truncate: bool

    @property
    def notices(self) -> tuple[str, ...]:
        """What was left out."""
        cut = f"texts of more than {self.max_length} tokens are cut there"
        asked = self.truncate and self.max_length is not None
        return (*self.strings.notices, *([cut] if asked else []))

    @property
    def settings(self) -> dict[str, Any]:
        """What determines a batch, beside the content."""
        backend = getattr(self.tokenizer, "backend_tokenizer", None)
        said = backend.to_str() if backend is not None else repr(self.tokenizer)
        return {
            "kind": "texts",
            "tokenizer": hashlib.sha256(said.encode()).hexdigest(),
            "max_length": self.max_length,
            "truncate": self.truncate,
        }

    def __len__(self) -> int:
        """Return the number of texts."""
        return len(self.strings)

    def ids(self, start: int, stop: int) -> list[str]:
        """Return the ids of some texts."""
        return self.strings.ids(start, stop)

    def batch(self, start: int, stop: int) -> Batch:
        """Return the tokens of some texts, padded at the end to the longest of them."""
        tokens = self._tokens(self.strings.read(start, stop))
        for name, held in zip(self.ids(start, stop), tokens, strict=True):
            if not held:
                raise InputError(f"the text {name} has no tokens: leave it out")
            self._check_length(name, held)
        lengths = np.array([len(held) for held in tokens])
        mask = np.arange(lengths.max()) < lengths[:, None]
        padding = getattr(self.tokenizer, "pad_token_id", None) or 0
        padded = np.full(mask.shape, padding, dtype=np.int64)
        padded[mask] = np.concatenate(tokens)
        named = {"input_ids": padded, "attention_mask": mask.astype(np.int64)}
        return Batch(stop - start, named=named, mask=mask)

    def fingerprint(self) -> str:
        """Return a digest of the texts and ids."""
        return digest(self.strings)

    def within(self, context: int | None) -> Texts:
        """Return these texts for a model of such a context; refuse texts that do not fit.

        All are looked at before the first is embedded: a text of fewer bytes than the context has
        tokens fits, and the others are cut into tokens.
        """
        bounds = [bound for bound in (self.max_length, self._bound(), context) if bound is not None]
        bounded = replace(self, max_length=min(bounds)) if bounds else self
        if bounds and not self.truncate:
            for start in range(0, len(self), BLOCK):
                bounded._check_fit(start, min(start + BLOCK, len(self)))
        return bounded

    def _bound(self) -> int | None:
        bound = getattr(self.tokenizer, "model_max_length", None)
        return bound if isinstance(bound, int) and bound < UNBOUNDED else None

    def _check_fit(self, start: int, stop: int) -> None:
        assert self.max_length is not None
        added = getattr(self.tokenizer, "num_special_tokens_to_add", lambda: 0)()
        read = zip(self.ids(start, stop), self.strings.read(start, stop), strict=True)
        long = [(name, text) for name, text in read if len(text.encode()) + added > self.max_length]
        if long:
            tokens = self._tokens([text for _, text in long])
            for (name, _), held in zip(long, tokens, strict=True):
                self._check_length(name, held)

    def _check_length(self, name: str, held: Sequence[int]) -> None:
        if self.max_length is not None and len(held) > self.max_length:
            raise InputError(
                f"the text {name} has {len(held)} tokens, and the model takes {self.max_length}: "
                f"split it, or ask that texts be cut there, with truncate"
            )

    def _tokens(self, given: list[str]) -> list[list[int]]:
        cut = {"truncation": True, "max_length": self.max_length}
        asked = cut if self.truncate and self.max_length is not None else {}
        # the tokenizer's own warning of long texts is told by us, as an error
        found = self.tokenizer(given, return_attention_mask=False, verbose=False, **asked)
        return [list(held) for held in found["input_ids"]]


def texts(
    given: Any, *, tokenizer: Any, max_length: int | None = None, truncate: bool = False
) -> Texts:
    r"""Return inputs that are texts, as a model's tokenizer cuts them.

    Parameters
    ----------
    given : path or sequence of str
        A text file in UTF-8, each line of which is a text (its id is its number, from 0; empty
        lines are left out), ``FILE.parquet::COLUMN``, or the texts themselves.
    tokenizer : path or tokenizer
        The folder of a tokenizer of Hugging Face, as a rule that of the model, or one that is
        loaded.
    max_length : int, optional
        The most tokens of a text, special ones included; the least of this, of the tokenizer's
        bound and of the model's context holds.
    truncate : bool, default False
        Whether longer texts are cut there; otherwise they are refused.

    Raises
    ------
    InputError
        If there are no texts, they are not text, or there is no such tokenizer.

    Examples
    --------
    >>> def letters(given, **_):
    ...     return {"input_ids": [[ord(letter) - 96 for letter in text] for text in given]}
    >>> batch = texts(["abc", "z"], tokenizer=letters).batch(0, 2)
    >>> batch.named["input_ids"].tolist(), batch.mask.tolist()
    ([[1, 2, 3], [26, 0, 0]], [[True, True, True], [True, False, False]])
    """
    if max_length is not None and max_length < 1:
        raise InputError(f"max_length is a number of tokens, from 1; got {max_length!r}")
    if isinstance(tokenizer, str | os.PathLike):
        from nearid.embed.huggingface import load_tokenizer

        tokenizer = load_tokenizer(Path(tokenizer))
    return Texts(open_strings(given), tokenizer, max_length, truncate)
