"""Run groups: a kind of run that nobody deploys; its definition is the same everywhere."""
