"""Where turns become durable: the port, its codec, and its implementations. No rule of a run lives
here."""
