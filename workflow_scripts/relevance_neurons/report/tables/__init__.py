"""The tables of a study, each a function from frames to a ``Table``, and how they are written.

Read formats.py first, then paper.py.
"""
