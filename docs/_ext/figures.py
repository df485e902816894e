"""Figures of the gallery: those of nearid are made without pyplot, where sphinx-gallery looks."""

from typing import Any
from weakref import WeakSet

from matplotlib.figure import Figure
from sphinx_gallery.scrapers import figure_rst

_seen: "WeakSet[Figure]" = WeakSet()


def scrape(block: Any, block_vars: dict[str, Any], gallery_conf: dict[str, Any]) -> str:
    """Save every figure that a block has made, and return the text that shows it."""
    figures = [
        value
        for value in block_vars["example_globals"].values()
        if isinstance(value, Figure) and value not in _seen
    ]
    paths = []
    for figure in dict.fromkeys(figures):
        paths.append(next(block_vars["image_path_iterator"]))
        figure.savefig(paths[-1], dpi=110)
        _seen.add(figure)
    return figure_rst(paths, gallery_conf["src_dir"])
