"""The Treadle server: definitions, runs, journal, API and command line."""
