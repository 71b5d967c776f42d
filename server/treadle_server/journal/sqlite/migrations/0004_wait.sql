-- Open waits for an external event, by its name: whom a broadcast reaches.
CREATE TABLE wait (
    namespace TEXT NOT NULL,
    event TEXT NOT NULL,
    run_id BLOB NOT NULL,
    key TEXT NOT NULL,
    value BLOB NOT NULL,
    expire_time INTEGER,
    PRIMARY KEY (namespace, event, run_id, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX wait_by_expire_time ON wait (expire_time) WHERE expire_time IS NOT NULL;
