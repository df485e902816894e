"""Tensors: read a chunk at a time, whatever their type and device."""

import numpy as np
import pytest
import torch

from nearid import LatentICA, as_rows
from nearid.sources.tensor import Tensor


@pytest.fixture
def table():
    return np.random.default_rng(0).laplace(size=(500, 3)).astype("f")


def test_a_tensor_on_the_cpu_is_not_copied(table):
    tensor = torch.from_numpy(table).requires_grad_()
    assert np.shares_memory(as_rows(tensor).source, table)


def test_bfloat16_is_widened_as_it_is_read(table):
    tensor = torch.from_numpy(table).to(torch.bfloat16)
    rows = as_rows(tensor)
    assert isinstance(rows.source, Tensor)
    assert rows.dtype == np.float32
    np.testing.assert_array_equal(rows.read(7, 9), tensor[7:9].float().numpy())
    np.testing.assert_array_equal(rows.take([9, 2, 9]).read(0, 3), tensor[[9, 2, 9]].float())


def test_no_more_than_a_chunk_moves(table, monkeypatch):
    moved = []
    move = torch.Tensor.cpu
    monkeypatch.setattr(torch.Tensor, "cpu", lambda self: (moved.append(len(self)), move(self))[1])
    tensor = torch.from_numpy(table).to(torch.bfloat16)
    assert tensor.shape == as_rows(tensor).source.shape
    for start in range(0, 500, 50):
        as_rows(tensor).read(start, start + 50)
    assert max(moved) == 50


def test_a_fit_is_that_of_the_widened_array(table):
    tensor = torch.from_numpy(table).to(torch.bfloat16)
    ica, expected = (LatentICA(random_state=0).fit(x) for x in (tensor, tensor.float().numpy()))
    assert ica.components_.tobytes() == expected.components_.tobytes()
