"""The rules of a run, all of them, pure: no clock, no ids of its own, no IO, no asyncio, no
protobuf.
"""
