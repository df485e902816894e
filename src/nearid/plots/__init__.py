"""Results as matplotlib figures: one file per figure, none of them touches pyplot or rcParams."""

from nearid.plots.components import components_figure
from nearid.plots.contact_sheet import contact_sheet
from nearid.plots.correlations import correlations_figure
from nearid.plots.ladder import ladder_figure
from nearid.plots.layerwise import depth_figure, layer_pairs_figure
from nearid.plots.pairwise import pairwise_figure

__all__ = [
    "components_figure",
    "contact_sheet",
    "correlations_figure",
    "depth_figure",
    "ladder_figure",
    "layer_pairs_figure",
    "pairwise_figure",
]
