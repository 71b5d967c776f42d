"""How `treadle.graph` turns Python into a graph document: recording of functions, and CEL text.

What is not here: any rule of a graph. The server owns those, and checks the document when it is
deployed.
"""

from __future__ import annotations

# Whoever records a function needs them: they are what can be called on what it is given.
from treadle._graph import methods as methods
