-- Runs that wait for a person, each with what it waits for: those of a page are found without a look
-- at the others.
CREATE TABLE held (
    namespace TEXT NOT NULL,
    start_time INTEGER NOT NULL,
    run_id BLOB NOT NULL,
    value BLOB NOT NULL,        -- treadle.v1.Held
    expire_time INTEGER,
    PRIMARY KEY (namespace, start_time, run_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX held_by_expire_time ON held (expire_time) WHERE expire_time IS NOT NULL;
-- Up to this position there may be runs that are held and have no row: the server looks for them.
INSERT INTO meta
    SELECT 'held_search', CAST(CAST(last AS TEXT) AS BLOB), NULL
    FROM (SELECT max(position) AS last FROM record) WHERE last IS NOT NULL;
