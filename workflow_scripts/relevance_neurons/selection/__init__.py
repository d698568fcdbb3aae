"""Which neurons: schemes, random draws beside them, and the kinds of ablation that they get.

Read schemes.py first. The selection itself is SQL, beside the scripts of its rules.
"""
