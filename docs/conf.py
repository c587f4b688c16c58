# SPDX-License-Identifier: Apache-2.0
"""Sphinx settings: Markdown pages, the API from docstrings, no network."""

from importlib.metadata import version as installed_version

project = "pyfate_gpu"
author = "the pyfate_gpu authors"
copyright = "2026, the pyfate_gpu authors"
release = version = installed_version("pyfate-gpu")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.mathjax", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"pyfate_gpu {release}"

myst_enable_extensions = ["dollarmath", "amsmath", "deflist"]
myst_heading_anchors = 3
napoleon_google_docstring = False
napoleon_use_rtype = False
autodoc_typehints = "none"  # the numpydoc sections give shapes and dtypes as well
autodoc_member_order = "bysource"
