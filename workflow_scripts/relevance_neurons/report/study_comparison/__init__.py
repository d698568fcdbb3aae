"""Two or more studies side by side: neurons, maps and effects, and their page.

Read compare.py first; relation.py says where neurons of two rankers are the same ones.
"""
