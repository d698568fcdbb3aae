"""What a reader sees: tables, figures, and a database with everything.

Read tables/formats.py and figures/style.py first: every table and figure is built on them.
"""
