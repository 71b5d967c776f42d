"""Workflows that are code: what the server knows of them, which is how to ask for a decision. The
code itself is with the workers.
"""
