"""Which tokens of a pair a ranker reads, and what it ranks without them.

Read attribute_tokens.py first, then bottleneck.py.
"""
