"""What every job needs: its log and errors, whole outputs, progress, shards, GPUs and queries.

Read job.py first.
"""
