-- Of the newest event that holds the run's whole state, 0: none. Records before it may be deleted.
ALTER TABLE run ADD COLUMN recorded_seq INTEGER NOT NULL DEFAULT 0;
