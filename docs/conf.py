"""How Sphinx builds the site: `make docs`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from docs import write_reference

project = "Relevance Neurons"
author = "the authors of CITATION.cff"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["notebooks"]
# Headings down to this level can be linked to: page.md#its-words.
myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence"]
highlight_language = "text"
smartquotes = False  # --cores would be –cores
html_theme = "furo"
html_title = project
# As the pages are read without a network too, nothing is fetched from elsewhere.
html_copy_source = False
html_show_copyright = False
autodoc_typehints = "none"
autodoc_member_order = "bysource"
python_use_unqualified_type_names = True


def setup(app) -> None:
    """Write the generated pages before any page is read."""
    app.connect("config-inited", lambda *_: write_reference.main())
