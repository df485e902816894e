"""CellProfiler's names of features, in words."""

from __future__ import annotations

__all__ = ["in_words"]

#: The compartments in which CellProfiler measures, as its pipelines name them.
COMPARTMENTS = {
    "Cells": "cells",
    "Cytoplasm": "cytoplasm",
    "Nuclei": "nuclei",
    "Image": "whole image",
    "IdentifiedObjects": "objects",
}
#: Modules whose names do not say what they measure.
MODULES = {
    "AreaShape": "shape",
    "RadialDistribution": "radial distribution",
    "Neighbors": "neighbours",
    "Granularity": "granularity",
    "Correlation": "colocalisation",
    "Intensity": "intensity",
    "Texture": "texture",
    "Location": "location",
}


def in_words(name: str) -> str:
    """Return what a feature measures, as far as its name follows CellProfiler's pattern.

    ``Compartment_Module_Measurement_Channel_…``; other names come back as they are.

    Examples
    --------
    >>> in_words("Cells_Texture_Correlation_DNA_3_00")
    'texture of cells: Correlation DNA 3 00'
    >>> in_words("Nuclei_AreaShape_Area"), in_words("embedding_7")
    ('shape of nuclei: Area', 'embedding_7')
    """
    parts = name.split("_")
    if len(parts) < 3 or parts[0] not in COMPARTMENTS:
        return name
    module = MODULES.get(parts[1], parts[1])
    return f"{module} of {COMPARTMENTS[parts[0]]}: {' '.join(parts[2:])}"
