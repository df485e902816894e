"""Embedding against a bare forward loop, in one run: rows a second, and memory by the inputs.

    python benchmarks/embed.py [--repeats 5] [--json results.json]

The bare loop is the least that a user would write: the batches of a memory-mapped array, in
evaluation mode and without gradients, through the model; what it returns is thrown away. Ours
reads the same batches, reads layers, pools them and writes them to a folder: all of a call, with
the digests of weights and inputs, the trial, and the files' end. Both take turns in one process,
each first in every second repeat, on one thread. Reported are medians of the ratios of neighbours,
of CPU time (of all threads) and of the clock, which other work on the machine blurs; *fixed* is the
CPU time of a call with two inputs. Memory is the growth of the peak of the resident set but for
mapped files, in a process of its own for each number of inputs, which first embeds a few.
"""

# ruff: noqa: E402  (threads are counted when torch is loaded)

from __future__ import annotations

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[variable] = "1"

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from peak import Peak
from torch import nn
from transformers import (
    GPT2Config,
    GPT2Model,
    ResNetConfig,
    ResNetModel,
    ViTMAEConfig,
    ViTMAEModel,
)

from nearid.embed import embed

BATCH = 32


def make_mae() -> nn.Module:
    """Build a small vision transformer: 8 layers, 65 tokens of 192."""
    sizes = {"hidden_size": 192, "num_hidden_layers": 8, "num_attention_heads": 3}
    sizes |= {"intermediate_size": 768, "image_size": 32, "patch_size": 4}
    return ViTMAEModel(ViTMAEConfig(**sizes, mask_ratio=0.0))


def make_gpt() -> nn.Module:
    """Build a small GPT-2: 6 layers, 64 tokens of 192."""
    sizes = {"n_embd": 192, "n_layer": 6, "n_head": 3, "n_positions": 64, "vocab_size": 128}
    return GPT2Model(GPT2Config(**sizes, bos_token_id=0, eos_token_id=0))


def make_resnet() -> nn.Module:
    """Build a ResNet-18 for images of 32 × 32."""
    sizes = {"embedding_size": 64, "hidden_sizes": [64, 128, 256, 512], "depths": [2, 2, 2, 2]}
    return ResNetModel(ResNetConfig(**sizes, layer_type="basic"))


def make_perceptron() -> nn.Module:
    """Build a model so small that what is around it counts."""
    layers = [nn.Flatten(), nn.Linear(3072, 256), nn.ReLU(), nn.Linear(256, 64)]
    return nn.Sequential(*layers)


#: Of each case: the model, the inputs, the layers, how they are pooled, and how many inputs.
CASES: dict[str, tuple[Callable[[], nn.Module], str, str, str, int]] = {
    "ViTMAE, 8 layers, mean": (make_mae, "images", r"layers\.\d", "mean", 384),
    "ViTMAE, 8 layers, tokens": (make_mae, "images", r"layers\.\d", "tokens", 384),
    "ViTMAE, all layers, mean": (make_mae, "images", "all", "mean", 384),
    "GPT-2, 6 layers, tokens": (make_gpt, "tokens", r"h\.\d", "tokens", 384),
    "ResNet-18, 4 stages, mean": (make_resnet, "images", r"encoder\.stages\.\d", "mean", 2048),
    "perceptron, output": (make_perceptron, "images", "output", "flatten", 32768),
}


def write_inputs(folder: Path, kind: str, n: int) -> Path:
    """Write inputs a block at a time, so that the process holds none of them."""
    path = folder / f"{kind}-{n}.npy"
    shape, dtype = ((n, 3, 32, 32), "float32") if kind == "images" else ((n, 64), "int64")
    mapped = np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=shape)
    rng = np.random.default_rng(0)
    for start in range(0, n, 1024):
        block = mapped[start : start + 1024]
        block[:] = (
            rng.normal(size=block.shape) if kind == "images" else rng.integers(0, 128, block.shape)
        )
    mapped.flush()
    return path


def bare(model: nn.Module, path: Path) -> None:
    """Run the model over the inputs, and nothing else."""
    values = np.load(path, mmap_mode="r")
    with torch.no_grad():
        for start in range(0, len(values), BATCH):
            model(torch.from_numpy(np.array(values[start : start + BATCH])))


def ours(model: nn.Module, path: Path, layers: str, pool: str, out: Path) -> None:
    """Write the layers' rows to a folder."""
    embed(model, path, layers=layers, pool=pool, batch_size=BATCH, out=out)


def seconds(function: Callable[..., None], *given: Any) -> tuple[float, float]:
    """Return what a call takes, of the processors and of the clock."""
    begin = time.process_time(), time.perf_counter()
    function(*given)
    return time.process_time() - begin[0], time.perf_counter() - begin[1]


def throughput(case: str, folder: Path, repeats: int) -> dict[str, Any]:
    """Measure a case: inputs a second of both, and the ratios of neighbours."""
    make, kind, layers, pool, n = CASES[case]
    torch.manual_seed(0)
    model, path = make().eval(), write_inputs(folder, kind, n)
    taken: dict[str, list[tuple[float, float]]] = {"bare": [], "ours": []}
    for repeat in range(repeats + 1):  # the first is for caches and is not counted
        jobs = {"bare": (bare, model, path)}
        jobs["ours"] = (ours, model, path, layers, pool, folder / f"{case} {repeat}")
        for job in list(jobs)[:: 1 if repeat % 2 else -1]:
            taken[job].append(seconds(*jobs[job]))
    few = write_inputs(folder, kind, 2)
    fixed, _ = seconds(ours, model, few, layers, pool, folder / f"{case} few")
    bare_s, ours_s = (np.array(taken[job][1:]) for job in ("bare", "ours"))
    ratios = bare_s / ours_s
    return {
        "case": case,
        "n": n,
        "bare": n / float(np.median(bare_s[:, 0])),
        "ours": n / float(np.median(ours_s[:, 0])),
        "ratio_cpu": float(np.median(ratios[:, 0])),
        "range_cpu": [float(ratios[:, 0].min()), float(ratios[:, 0].max())],
        "fixed_s": fixed,
        "ratio_clock": float(np.median(ratios[:, 1])),
    }


def memory(case: str, n: int, folder: Path) -> None:
    """Embed so many inputs in this process, and print by how much its peak grew."""
    make, kind, layers, pool, _ = CASES[case]
    torch.manual_seed(0)
    model = make().eval()
    ours(model, write_inputs(folder, kind, 2 * BATCH), layers, pool, folder / "first")
    path = write_inputs(folder, kind, n)
    with Peak(with_files=False) as peak:
        ours(model, path, layers, pool, folder / "second")
    print(json.dumps({"case": case, "n": n, "peak_mib": (peak.most - peak.start) / 2**20}))


def measured_memory(case: str, n: int) -> dict[str, Any]:
    command = [sys.executable, __file__, "--memory", case, "--inputs", str(n)]
    found: dict[str, Any] = json.loads(subprocess.check_output(command))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--memory", choices=CASES)
    parser.add_argument("--inputs", type=int)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        if arguments.memory:
            memory(arguments.memory, arguments.inputs, Path(place))
            return
        rows = [throughput(case, Path(place), arguments.repeats) for case in CASES]
    print(
        "| model, layers, pool | inputs | bare, inputs/s of CPU | ours | ratio | of the clock "
        "| fixed |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for row in rows:
        least, most = row["range_cpu"]
        print(
            f"| {row['case']} | {row['n']:,} | {row['bare']:.0f} | {row['ours']:.0f} | "
            f"{row['ratio_cpu']:.2f} ({least:.2f} to {most:.2f}) | {row['ratio_clock']:.2f} "
            f"| {row['fixed_s']:.2f} s |"
        )
    sizes = {"GPT-2, 6 layers, tokens": (256, 2048), "perceptron, output": (8192, 65536)}
    held = [measured_memory(case, n) for case, numbers in sizes.items() for n in numbers]
    print("\n| model, layers, pool | inputs | peak beyond the model, MiB |\n| --- | --- | --- |")
    for row in held:
        print(f"| {row['case']} | {row['n']:,} | {row['peak_mib']:.1f} |")
    if arguments.json:
        arguments.json.write_text(json.dumps({"throughput": rows, "memory": held}, indent=1))


if __name__ == "__main__":
    main()
