"""Passes on a torch device: the same sums, however the rows get there."""

from contextlib import contextmanager
from typing import ClassVar

import numpy as np
import pytest
import torch

from nearid.ica import torch_pass
from nearid.ica.contrasts import CONTRASTS, contrast_named
from nearid.ica.passes import contrast_sums
from nearid.ica.settings import Engine
from nearid.ica.whitening import whitening
from nearid.linalg import random_orthogonal
from nearid.moments import moments
from nearid.rows import Rows

needs_gpu = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="no GPU of CUDA is on this machine"
)


@pytest.fixture(params=["float32", "float64"])
def table(request):
    rng = np.random.default_rng(0)
    mixed = rng.laplace(size=(150_000, 4)) @ rng.normal(size=(4, 4)) + 1
    return mixed.astype(request.param)


def sums(table, contrast="logcosh", **engine):
    rows = Rows(table)
    known = moments([rows])
    white = whitening(known.mean, known.cov, dtype=rows.dtype)
    turn = random_orthogonal(4, np.random.default_rng(1))
    return contrast_sums(rows, white, turn, contrast_named(contrast), Engine(**engine))


def close(found, expected, dtype):
    tolerance = {"rtol": 2e-5, "atol": 2e-5} if dtype == np.float32 else {"rtol": 1e-11}
    for name in ("cross", "curvature", "value"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), **tolerance)


@pytest.mark.parametrize("contrast", CONTRASTS)
@pytest.mark.parametrize("block_rows", [1024, 5_000, 2**14])
def test_the_sums_do_not_depend_on_blocks(table, contrast, block_rows, monkeypatch):
    monkeypatch.setattr(torch_pass, "BLOCK_ROWS", block_rows)
    found = sums(table, contrast, device="cpu")
    close(found, sums(table, contrast), table.dtype)


class Stream:
    """Notes when it was waited for, as a queue of a GPU's would be."""

    made: ClassVar[list["Stream"]] = []

    def __init__(self, device):
        self.waits = 0
        self.made.append(self)

    def synchronize(self):
        self.waits += 1


@pytest.fixture
def as_if_sent(monkeypatch):
    """Send rows as to a GPU, to the memory of this machine."""

    @contextmanager
    def queued(stream):
        yield

    empty, Stream.made = torch.empty, []
    monkeypatch.setattr(torch_pass, "is_cpu", lambda device: False)
    monkeypatch.setattr(torch.cuda, "Stream", Stream)
    monkeypatch.setattr(torch.cuda, "stream", queued)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda device: None)
    monkeypatch.setattr(torch, "empty", lambda shape, dtype, pin_memory: empty(shape, dtype=dtype))


@pytest.mark.parametrize("n_jobs", [1, 3])
def test_every_worker_sends_by_a_queue_and_a_buffer_of_its_own(
    table, as_if_sent, monkeypatch, n_jobs
):
    expected = sums(table)
    monkeypatch.setattr(torch_pass, "BLOCK_ROWS", 4096)
    # a place that is written to before its block was used would change the sums: rows that stay
    # where they were sent are copied here, as a transfer does
    move = torch.Tensor.to
    monkeypatch.setattr(
        torch.Tensor, "to", lambda x, *a, non_blocking=False, **k: move(x, *a, **k).clone()
    )
    found = sums(table, device="cpu", n_jobs=n_jobs)
    close(found, expected, table.dtype)
    assert 1 <= len(Stream.made) <= max(2, n_jobs)
    blocks = -(-len(table) // 4096)
    # each block but the first of every worker waits for the one before it
    assert sum(stream.waits for stream in Stream.made) == blocks - len(Stream.made)


@needs_gpu
@pytest.mark.parametrize("contrast", CONTRASTS)
def test_a_gpu_gives_the_same_sums(table, contrast):
    close(sums(table, contrast, device="cuda"), sums(table, contrast), table.dtype)
