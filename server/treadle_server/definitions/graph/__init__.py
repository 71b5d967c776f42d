"""Graphs: reading and checking a document (`parse`), its structure (`structure`), and deciding for
its runs (`decider`).
"""
