"""The gRPC edge: decode and check, call `runs`, encode. One table from our errors to gRPC codes. No
rule of a run.
"""
