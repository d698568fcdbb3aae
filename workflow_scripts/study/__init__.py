"""The study file for the Snakefile: reading and checking it, what it names, its jobs, resuming.

Read reading.py first, then contents.py.
"""
