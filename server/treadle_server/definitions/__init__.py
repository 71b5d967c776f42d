"""The deciders: what comes next in a graph, a state machine or code, and the documents behind them.

Pure like the engine: no clock, no ids, no randomness, no IO, no protobuf.
"""
