"""What the builder gives back."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Node:
    """A node that was added to a graph; edges take it or its id."""

    id: str
