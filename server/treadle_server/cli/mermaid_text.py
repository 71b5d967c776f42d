"""Texts inside of Mermaid's diagrams, whichever they are."""

from __future__ import annotations

import re
from typing import Final

_SIGNS: Final = re.compile(
    r"[^\w (),./=!?'…→&|+>[\]-]"  # what would end a text, or is HTML or Markdown
    r"|&(?=[#\w])|^[-+>]|^\d(?=\d*[.)])"  # an entity; a list or a quotation in Markdown
    r"|(?<!\w)_|_(?!\w)|(?<=-)[->]|-(?=-)"  # Markdown, unless inside of a word; arrows
    r"|(?<=\[)\[|\[(?=\[)|(?<=\])\]|\](?=[\](])"  # shapes; links in Markdown
    r"|d(?=irection (?:tb|bt|rl|lr))",  # a statement, wherever it stands in a line
    re.IGNORECASE,
)


def mermaid_text(text: str) -> str:
    """A text in which Mermaid finds none of its own signs."""
    return _SIGNS.sub(lambda sign: f"#{ord(sign[0])};", text)
