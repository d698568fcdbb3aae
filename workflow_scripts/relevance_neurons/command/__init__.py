"""The command relevance-neurons: a thin layer over the library for people without a study.

Read main.py first. What takes long to import (torch, polars) waits until a command runs.
"""
