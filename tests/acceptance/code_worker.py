"""The worker of the corpus, for a process of its own."""

from tests.code.corpus import CORPUS

for _made, _ in CORPUS.values():
    globals()[_made.name] = _made
