"""What names look like: of workflows and of nodes."""

from __future__ import annotations

import re
import unicodedata

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,199}")
NAME_RULE = "must begin with a letter and have at most 200 letters, digits, `_`, `.` or `-`"


def is_name(text: str) -> bool:
    """Whether it can name a workflow."""
    return _NAME.fullmatch(text) is not None


def is_node_id(text: object) -> bool:
    """Whether it can name a node: 1 to 200 characters, none of them a control or format character,
    no outer spaces.
    """
    if not isinstance(text, str) or not 1 <= len(text) <= 200 or text != text.strip():
        return False
    return (text.isascii() and text.isprintable()) or all(
        unicodedata.category(c)[0] != "C" for c in text
    )
