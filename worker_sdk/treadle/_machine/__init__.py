"""Parts of the builder of state machines."""
