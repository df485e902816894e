"""Pages of many runs and of many components: small, and there at once."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import nearid
from nearid.report import write_report

QUICK = {"n_bootstrap": 2, "n_null": 1, "n_random": 1, "random_state": 0}
Z = np.random.default_rng(0).laplace(size=(60, 3))
SEEN = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
LOADED = "performance.getEntriesByType('navigation')[0].loadEventEnd"
#: Every table is unfolded and laid out, which a reader need not ask for.
UNFOLDED = """() => {
  document.querySelectorAll("details").forEach((d) => { d.open = true; });
  document.body.getBoundingClientRect();
  return performance.now();
}"""


def fifty_runs():
    return nearid.statistical_identifiability(
        [Z + i for i in range(50)], ica=False, groups=["rigid"], **QUICK
    )


def thousand_components():
    """Return a result of two runs, with the table that 1,000 components of each would give."""
    found = nearid.statistical_identifiability([Z, Z[:, ::-1]], **QUICK)
    copies = [found.components.assign(component=found.components["component"] + 3 * i)
              for i in range(334)]  # fmt: skip
    return replace(found, components=pd.concat(copies, ignore_index=True))


@pytest.mark.parametrize("make", [fifty_runs, thousand_components])
def test_large_reports_are_small_and_shown_at_once(make, tmp_path, visit):
    path = tmp_path / "page.html"
    write_report(make(), path)
    assert path.stat().st_size < 5e6
    opened = visit(path)
    times = {"loaded": opened.page.evaluate(LOADED)}
    while (seen := opened.page.evaluate(SEEN)) is None:
        opened.page.wait_for_timeout(20)
    times["first seen"] = seen
    times["unfolded"] = opened.page.evaluate(UNFOLDED)
    # the aim is 2 s, see benchmarks/pages.py; a busy machine gets five times that
    assert max(times.values()) < 10_000, times
    assert opened.complaints == []
