"""Settings of the documentation site: python -m sphinx -W docs docs/_build/html."""

import sys
from pathlib import Path

import nearid

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "nearid"
author = "The nearid developers"
copyright = author
version = release = nearid.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "myst_parser",
    "sphinx_gallery.gen_gallery",
    "aliases",
    "blocks",
    "mathml",
    "commands",
    "methods",
    "rest",
]
templates_path = ["_templates"]
exclude_patterns = ["_build", "examples"]
nitpicky = True
smartquotes = False  # --option is no dash
nitpick_ignore = [("py:class", "matplotlib.figure.Figure")]  # another site's
# Bars are absolute values in our docstrings; to reStructuredText they are substitutions.
rst_prolog = r"""
.. |correlation| replace:: \|correlation\|
.. |correlations| replace:: \|correlations\|
"""

# Pages are Markdown with formulas between dollars; a heading is a target for links.
myst_enable_extensions = ["dollarmath", "colon_fence", "deflist"]
myst_heading_anchors = 3
myst_dmath_double_inline = True

# The docstrings name types in their own words, so signatures need not repeat them.
autosummary_generate = True
autosummary_ignore_module_all = False
autodoc_typehints = "none"
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

sphinx_gallery_conf = {
    "examples_dirs": "examples",
    "gallery_dirs": "gallery",
    "filename_pattern": r"\.py$",
    "within_subsection_order": "FileNameSortKey",
    "image_scrapers": ("figures.scrape",),
    "ignore_repr_types": r"matplotlib\.figure",
    "abort_on_example_error": True,
    "download_all_examples": False,
    "show_memory": False,
    "show_signature": False,
    "min_reported_time": 3600,  # how long a script takes depends on the machine
    "write_computation_times": False,  # a page of it would fetch scripts
    "remove_config_comments": True,
}

# Nothing is fetched, neither when the site is built nor when it is read.
html_theme = "pydata_sphinx_theme"
html_title = "nearid"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_math_renderer = "mathml"
html_copy_source = False
html_show_sphinx = False
html_theme_options = {
    "show_prev_next": False,
    "navigation_with_keys": False,
    "navbar_end": ["theme-switcher"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "secondary_sidebar_items": ["page-toc"],
    "header_links_before_dropdown": 7,
    "navbar_align": "left",
    "logo": {"text": "nearid"},
}
# Pages without neighbours need no list of them.
html_sidebars = {"index": [], "start": [], "cli": []}
