"""Runs the record of a real scientific workflow (WfCommons' WfFormat) as a graph, and proves the
order.

    python -m examples.wfformat FILE [--speedup N] [--json] [--address HOST:PORT]

`reader` reads a file, `document` makes a graph of it whose tasks sleep their recorded runtime,
`proof` shows from the run's history that every dependency was kept.
"""
