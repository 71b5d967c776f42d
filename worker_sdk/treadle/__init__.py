"""Treadle for Python: workflows, activities, workers and the client."""
