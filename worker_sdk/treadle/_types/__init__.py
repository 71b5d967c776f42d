"""Annotations: checking a JSON value against one, and describing one as JSON Schema.

Pure: no IO, no clock, nothing of gRPC. `hints` knows how an annotation is built, `conversion`
turns it into a function that checks and builds values, `scalars` holds the simple ones,
`libraries` hands models of pydantic and msgspec to their own library, `schema` writes JSON Schema.
"""
