"""Size of reports, and how soon a browser shows them.

Usage: ``python benchmarks/pages.py [--repeats 5]``, with Chromium or Google Chrome on the PATH.

Reports of 50 runs of 8 components and of 2 runs of 1,000 components are made as they come, opened
in a browser without a network, unfolded, and sorted by a click.  Times are those of the browser's
own clock: until the page is loaded, and until something is seen, from the start of navigation;
then what unfolding every table and sorting one take.  The middle one of the repeats counts.
"""

import argparse
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np
from playwright.sync_api import Browser, sync_playwright

import nearid
from nearid.report import write_report

SEEN = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
LOADED = "performance.getEntriesByType('navigation')[0].loadEventEnd"
UNFOLD = """() => {
  const start = performance.now();
  document.querySelectorAll("details").forEach((d) => { d.open = true; });
  document.body.getBoundingClientRect();
  return performance.now() - start;
}"""
SORT = """() => {
  const start = performance.now();
  document.querySelector("details th:last-child button").click();
  document.body.getBoundingClientRect();
  return performance.now() - start;
}"""


def fifty_runs() -> nearid.StatisticalIdentifiability:
    rng = np.random.default_rng(0)
    factors = rng.laplace(size=(2000, 8))
    runs = [factors @ rng.standard_normal((8, 8)) for _ in range(50)]
    return nearid.statistical_identifiability(runs, n_bootstrap=20, random_state=0)


def thousand_components() -> nearid.StatisticalIdentifiability:
    factors = np.random.default_rng(0).laplace(size=(4000, 1000))
    runs = [factors, factors[:, ::-1]]
    quick = {"n_bootstrap": 20, "n_null": 1, "n_random": 1, "random_state": 0}
    return nearid.statistical_identifiability(runs, n_components=1000, **quick)


def opened(browser: Browser, path: Path) -> list[float]:
    """Return the times of one visit, in ms."""
    page = browser.new_page(offline=True)
    page.goto(path.as_uri())
    while (seen := page.evaluate(SEEN)) is None:
        page.wait_for_timeout(20)
    times = [page.evaluate(LOADED), seen, page.evaluate(UNFOLD), page.evaluate(SORT)]
    page.close()
    return times


def measure(browser: Browser, make: Callable[[], object], folder: Path, repeats: int) -> str:
    """Return a row of the table."""
    result = make()
    start = time.process_time()
    path = folder / f"{make.__name__}.html"
    write_report(result, path)
    written = time.process_time() - start
    visits = [opened(browser, path) for _ in range(repeats)]
    cells = [f"{median(column):.0f} ms" for column in zip(*visits, strict=True)]
    size = f"{path.stat().st_size / 1e6:.2f} MB"
    name = make.__name__.replace("_", " ")
    return f"| {' | '.join([name, f'{written:.1f} s', size, *cells])} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        parser.error("no browser: put chromium or google-chrome on the PATH")
    print("| report | written in | size | loaded | first seen | unfolded | sorted |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    with sync_playwright() as playwright, TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=found)
        for make in (fifty_runs, thousand_components):
            print(measure(browser, make, Path(folder), repeats), flush=True)
        browser.close()


if __name__ == "__main__":
    main()
