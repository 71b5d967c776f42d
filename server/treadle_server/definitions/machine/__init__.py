"""State machines: reading their documents, and deciding for their runs."""
