"""Runs: the only writer. Loads a run, takes a turn, commits it, and only then lets anything be
seen.
"""
