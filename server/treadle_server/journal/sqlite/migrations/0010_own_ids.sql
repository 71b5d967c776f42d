-- Who starts a run without a workflow id gets its run id for one. From here on such a row has ''
-- there: it is found by its run id, and neither index has it. Rows from before keep their text.
DROP INDEX run_open;
CREATE UNIQUE INDEX run_open ON run (namespace, workflow_id)
    WHERE end_time IS NULL AND workflow_id <> '';
DROP INDEX run_ended;
CREATE INDEX run_ended ON run (namespace, workflow_id, start_time)
    WHERE end_time IS NOT NULL AND workflow_id <> '';
