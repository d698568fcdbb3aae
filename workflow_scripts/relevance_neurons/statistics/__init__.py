"""What numbers are worth: intervals, paired tests, what chance gives, how far maps agree.

Read paired_tests.py first.
"""
