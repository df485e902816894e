"""Small models and inputs, all from a seed."""

import numpy as np
import pytest
import torch
from torch import nn


def seeded(factory, seed=0):
    """What a factory makes after seeding; the global seed stays as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return factory()


@pytest.fixture
def convolutions():
    """A network that writes into the memory of its own layers."""
    return seeded(
        lambda: nn.Sequential(
            nn.Conv2d(3, 4, 3),
            nn.BatchNorm2d(4),
            nn.ReLU(inplace=True),
            nn.Conv2d(4, 5, 3),
            nn.Flatten(),
            nn.Linear(5 * 4 * 4, 6),
        )
    )


@pytest.fixture
def pictures():
    """Inputs of that network."""
    return np.random.default_rng(0).normal(size=(11, 3, 8, 8)).astype("float32")


class Sequences(nn.Module):
    """Tokens to vectors, one by one; the mask is taken and not needed."""

    def __init__(self, vocabulary=40, width=5):
        super().__init__()
        self.table = nn.Embedding(vocabulary, width)
        self.mix = nn.Linear(width, 3)

    def forward(self, input_ids, attention_mask=None):
        return {"hidden": self.mix(self.table(input_ids)), "mask": attention_mask}


@pytest.fixture
def sequences():
    """A model of tokens that returns a mapping."""
    return seeded(Sequences)


def letters(texts, *, truncation=False, max_length=None, **_):
    """A tokenizer: a is 1, b is 2, and so on; a space is no token."""
    tokens = [[ord(letter) - 96 for letter in text if letter != " "] for text in texts]
    return {"input_ids": [held[:max_length] if truncation else held for held in tokens]}


@pytest.fixture(name="letters")
def _letters():
    return letters
