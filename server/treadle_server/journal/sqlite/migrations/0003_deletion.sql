CREATE INDEX run_by_end_time ON run (end_time) WHERE end_time IS NOT NULL;
-- One row about the records of deleted runs: how many there were, and the last position of any of
-- them. So no position is given twice, and it can be told what else is missing.
CREATE TABLE deleted (
    records INTEGER NOT NULL,
    position INTEGER NOT NULL
) STRICT;
INSERT INTO deleted VALUES (0, 0);
