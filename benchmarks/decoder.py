"""``JᵀJ`` of a convolutional decoder against full Jacobians, in one run: seconds and memory.

    python benchmarks/decoder.py [--latents 16] [--json results.json]

A decoder of 16 latents to 64 × 64 × 3. The peer is ``torch.autograd.functional.jacobian``, which
goes through the output row by row: for each latent by itself (the thrifty way), and for the batch
at once (the way of its documentation, which also computes the blocks between different latents,
all of them zero). The floor is the decoder itself, called at one latent after the other. Memory is
the peak of the resident set above what the process holds before, each job in a process of its own;
jobs are interleaved, so that a busy machine slows all of them.
"""

# ruff: noqa: E402  (threads are counted when torch is loaded)

from __future__ import annotations

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[variable] = "1"

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from peak import Peak
from torch import nn

from nearid.decoder import bilipschitz, function, pullback_metric

#: Latents of the batched peer: its time and memory grow with their square.
BATCHED_LATENTS = 2


def make_decoder() -> nn.Module:
    torch.manual_seed(0)
    up = {"kernel_size": 4, "stride": 2, "padding": 1}
    return nn.Sequential(
        nn.Linear(16, 64 * 4 * 4), nn.LeakyReLU(0.2), nn.Unflatten(1, (64, 4, 4)),
        nn.ConvTranspose2d(64, 64, **up), nn.LeakyReLU(0.2),
        nn.ConvTranspose2d(64, 32, **up), nn.LeakyReLU(0.2),
        nn.ConvTranspose2d(32, 32, **up), nn.LeakyReLU(0.2),
        nn.ConvTranspose2d(32, 3, **up),
    ).eval()  # fmt: skip


def ours(decoder: nn.Module, z: torch.Tensor) -> np.ndarray:
    return pullback_metric(decoder, z)


def thrifty(decoder: nn.Module, z: torch.Tensor) -> np.ndarray:
    """Keep every Jacobian, as who wants the singular values of a data set does."""
    jacobians = [
        torch.autograd.functional.jacobian(lambda v: decoder(v[None])[0].flatten(), row)
        for row in z
    ]
    return torch.stack([j.T @ j for j in jacobians]).numpy()


def one_at_a_time(decoder: nn.Module, z: torch.Tensor) -> np.ndarray:
    """Keep one Jacobian at a time."""
    return np.concatenate([thrifty(decoder, row[None]) for row in z])


def batched(decoder: nn.Module, z: torch.Tensor) -> np.ndarray:
    full = torch.autograd.functional.jacobian(lambda v: decoder(v).flatten(1), z)
    blocks = torch.stack([full[i, :, i] for i in range(len(z))])
    return (blocks.mT @ blocks).numpy()


def lanczos(decoder: nn.Module, z: torch.Tensor) -> np.ndarray:
    found = bilipschitz(decoder, z, method="lanczos", random_state=0)
    return np.stack([found.sigma_max, found.sigma_min])


def by_columns(decoder: nn.Module, z: torch.Tensor) -> np.ndarray:
    """Hold two columns of one Jacobian at a time, and compute each of them again for each other."""
    with mock.patch.object(function, "BATCH_NUMBERS", 1):
        return pullback_metric(decoder, z)


def forward(decoder: nn.Module, z: torch.Tensor) -> np.ndarray:
    """Call the decoder without any derivative."""
    with torch.no_grad():
        return np.stack([[float(decoder(row[None]).square().sum())] for row in z])


JOBS = {
    "ours": ours,
    "ours, column by column": by_columns,
    "floor: the decoder alone": forward,
    "jacobian, one at a time": one_at_a_time,
    "jacobian, all kept": thrifty,
    "jacobian, batch at once": batched,
    "ours, lanczos": lanczos,
}


def work(job: str, n: int) -> None:
    """Run one job in this process and print what it took; a small run first loads the code."""
    decoder, run = make_decoder(), JOBS[job]
    n = BATCHED_LATENTS if run is batched else n
    z = torch.from_numpy(np.random.default_rng(0).normal(size=(n, 16)).astype("f"))
    run(nn.Linear(16, 5), z[:1])
    with torch.no_grad():
        decoder(z[:1])
    with Peak() as memory:
        begin = time.process_time()
        found = run(decoder, z)
        seconds = time.process_time() - begin
    held = {
        "job": job,
        "latents": n,
        "cpu_ms_per_latent": 1e3 * seconds / n,
        "peak_mib": (memory.most - memory.start) / 2**20,
        "check": float(np.trace(found[0])) if found.ndim == 3 else float(found[0, 0] ** 2),
    }
    print(json.dumps(held))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--latents", type=int, default=16)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--job", choices=JOBS)
    arguments = parser.parse_args()
    if arguments.job:
        work(arguments.job, arguments.latents)
        return
    rows = []
    for _ in range(arguments.repeats):
        for job in JOBS:
            command = [sys.executable, __file__, "--job", job, "--latents", str(arguments.latents)]
            rows.append(json.loads(subprocess.check_output(command)))
    typical = {
        job: {
            key: statistics.median(row[key] for row in rows if row["job"] == job)
            for key in ("latents", "cpu_ms_per_latent", "peak_mib", "check")
        }
        for job in JOBS
    }
    base = typical["ours"]
    print(f"{'job':26} {'latents':>7} {'ms/latent':>10} {'times':>7} {'peak MiB':>9} {'times':>7}")
    for job, row in typical.items():
        print(
            f"{job:26} {row['latents']:7.0f} {row['cpu_ms_per_latent']:10.1f} "
            f"{row['cpu_ms_per_latent'] / base['cpu_ms_per_latent']:7.1f} {row['peak_mib']:9.1f} "
            f"{row['peak_mib'] / base['peak_mib']:7.1f}"
        )
    if arguments.json:
        arguments.json.write_text(json.dumps(typical, indent=1))


if __name__ == "__main__":
    main()
