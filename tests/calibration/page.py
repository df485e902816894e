"""The page of what came out: tables, and a figure of coverage and one of power."""

# ruff: noqa: E501  (lines of the page)

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

__all__ = ["write_page"]

HEAD = """# Calibration

Whether the numbers that come with a result mean what they say: by simulation, `{command}` (`docs/calibration.json` has every
number). An interval of 95 % should hold the truth in .93 to .97 of the simulations; brackets are 95 % intervals of the share
that was found.

What each interval is about:

- **ε of a pair**: the mean error of *the maps that were fitted*, on fresh rows. Over rows by a bootstrap.
- **ε, mean over pairs**: with three runs or more, the mean over pairs of the population of trainings that the runs are a
  sample of, by a jackknife over runs. With two runs it is about these two alone.
- **ICA efficiency**: that of the maps that were fitted, on fresh rows.
- **Agreement**: the correlation of one run's component with the mean of the others, on fresh rows.
- **AUROC, mean over batches**: the expected score of the design; trainings share batches, and the correction for it (Nadeau &
  Bengio) is known to be wider than it need be.
- **mcc, r2**: the expected score at as many rows.

Rows are independent here, but for the section on units. With `--nightly` 2,000 × 128 and 20,000 × 4 are run as well. Runs of the mean over pairs
have lognormal noise (σ = .5), and with three of them a population so skewed is not seen. P-values of permutations are
multiples of 1/200.
"""

UNITS = """Cells of a well have in common what the well had. Here twice the spread of single cells, in the rows and in what
tells the runs from each other; wells are Gaussian. With `unit=` whole wells are held out and drawn; without it every cell
counts as independent, intervals are too short, and a verdict of `'ica'` is believed that is about these wells alone (both
runs are linear maps of the same cells, and no direction of a Gaussian is identifiable)."""


def write_page(
    found: Mapping[str, Sequence[Mapping[str, Any]]], out: Path, *, command: str
) -> None:
    """Write ``calibration.md`` and its two figures."""
    _coverage_figure(found["coverage"], out / "calibration_coverage.png")
    _power_figure(found["power"], out / "calibration_power.png")
    parts = [HEAD.format(command=command), "## Coverage", _worst(found["coverage"])]
    parts.append("![Coverage of every interval at every setting](calibration_coverage.png)")
    parts.append(_table(_ranges(found["coverage"]), "coverage"))
    parts += ["## Verdicts on independent runs", "Runs that have nothing to do with each other:"]
    parts.append(_table(_ranges(found["false"]), "within the tolerance"))
    parts += ["## Rows in units", UNITS, _of_units(found["units"])]
    parts += ["## Power", "How often the true group is the verdict, 200 rows of 4 columns:"]
    parts.append("![Share of true verdicts by noise](calibration_power.png)")
    parts += ["## P-values under the null", _uniform(found["uniform"])]
    (out / "calibration.md").write_text("\n\n".join(parts) + "\n")


def _worst(rows: Sequence[Mapping[str, Any]]) -> str:
    outside = [row for row in rows if row["high"] < 0.93 or row["low"] > 0.97]
    if not outside:
        return "No interval is outside .93 to .97 by more than chance."
    told = "; ".join(f"{r['what']} ({r['setting']}) {r['share']:.3f}" for r in outside)
    return f"Outside .93 to .97 by more than chance: {told}."


def _ranges(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Put the rungs of a frame at one setting into one row, from the least share to the largest."""
    grouped: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in rows:
        frame, found, _ = row["what"].rpartition(", ")
        rungs = frame.endswith(("native", "whitened"))
        what = f"{frame} frame, all rungs" if found and rungs else row["what"]
        grouped.setdefault((what, row["setting"]), []).append(row)
    return [
        {"what": what, "setting": setting, "rows": sorted(part, key=lambda row: row["share"])}
        for (what, setting), part in grouped.items()
    ]


def _table(rows: Sequence[Mapping[str, Any]], head: str) -> str:
    lines = [f"| what | setting | {head} | simulations |", "| --- | --- | --- | --- |"]
    for row in rows:
        ends = row["rows"][:: max(1, len(row["rows"]) - 1)]
        shown = " to ".join(f"{r['share']:.3f} [{r['low']:.3f}, {r['high']:.3f}]" for r in ends)
        lines.append(f"| {row['what']} | {row['setting']} | {shown} | {ends[0]['n']} |")
    return "\n".join(lines)


def _of_units(rows: Sequence[Mapping[str, Any]]) -> str:
    verdicts = [row for row in rows if row["what"].startswith("ICA")]
    covered = [row for row in rows if row not in verdicts]
    return "\n\n".join(
        (_table(_ranges(covered), "coverage"), _table(_ranges(verdicts), "verdict `'ica'`"))
    )


def _uniform(rows: Sequence[Mapping[str, Any]]) -> str:
    lines = ["| what | distance to uniform | p (Kolmogorov–Smirnov) | at most .05 | simulations |"]
    lines.append("| --- | --- | --- | --- | --- |")
    for r in rows:
        shown = f"{r['distance']:.3f} | {r['p']:.3f} | {r['below .05']:.3f} | {r['n']}"
        lines.append(f"| {r['what']} | {shown} |")
    return "\n".join(lines)


def _coverage_figure(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    kinds = list(dict.fromkeys(row["what"] for row in rows))
    figure, axes = plt.subplots(figsize=(6.5, 0.28 * len(kinds) + 1), layout="constrained")
    axes.axvspan(0.93, 0.97, color="0.9")
    axes.axvline(0.95, color="0.6", lw=0.8)
    for y, kind in enumerate(reversed(kinds)):
        here = [row["share"] for row in rows if row["what"] == kind]
        shift = 0.25 * np.linspace(-1, 1, len(here)) if len(here) > 1 else np.zeros(1)
        axes.plot(here, y + shift, "o", ms=3, color="tab:blue")
    axes.set_yticks(range(len(kinds)), reversed(kinds), fontsize=8)
    axes.set_xlabel("coverage of the 95 % interval, a point per setting")
    axes.set_xlim(min(0.85, *(row["share"] for row in rows)), 1)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def _power_figure(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    figure, axes = plt.subplots(figsize=(5, 3.2), layout="constrained")
    for group in dict.fromkeys(row["what"] for row in rows):
        here = [row for row in rows if row["what"] == group]
        noise, share = ([row[key] for row in here] for key in ("noise", "share"))
        low, high = ([row[key] for row in here] for key in ("low", "high"))
        (line,) = axes.plot(noise, share, "o-", ms=3, label=group.replace("_", " "))
        axes.fill_between(noise, low, high, alpha=0.15, color=line.get_color(), lw=0)
    axes.set_xlabel("noise, in deviations of the rows")
    axes.set_ylabel("share of true verdicts")
    axes.legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=120)
    plt.close(figure)
