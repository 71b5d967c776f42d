-- The first layout. Times are microseconds since the Unix epoch.

-- One row per turn. A rowid table with a second, unique index takes interleaved runs 1.4 to 2 times
-- faster than one clustered by (run_id, base_seq), and large bodies do not suit WITHOUT ROWID.
CREATE TABLE record (
    position INTEGER PRIMARY KEY,
    run_id BLOB NOT NULL,
    base_seq INTEGER NOT NULL CHECK (base_seq > 0),
    count INTEGER NOT NULL CHECK (count > 0),
    time INTEGER NOT NULL,
    checksum INTEGER NOT NULL,  -- CRC-32 of body
    body BLOB NOT NULL          -- treadle.v1.EventBatch
) STRICT;
CREATE UNIQUE INDEX record_by_run ON record (run_id, base_seq);

CREATE TABLE run (
    run_id BLOB NOT NULL PRIMARY KEY,
    namespace TEXT NOT NULL,
    workflow_id TEXT NOT NULL,
    workflow TEXT NOT NULL,
    version INTEGER NOT NULL,
    state INTEGER NOT NULL,     -- treadle.v1.RunState
    start_time INTEGER NOT NULL,
    end_time INTEGER,           -- absent while the run is open
    wake_time INTEGER,
    request_id TEXT NOT NULL,
    request_hash BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX run_open ON run (namespace, workflow_id) WHERE end_time IS NULL;
CREATE INDEX run_ended ON run (namespace, workflow_id, start_time) WHERE end_time IS NOT NULL;
CREATE UNIQUE INDEX run_by_request ON run (namespace, request_id) WHERE request_id <> '';
CREATE INDEX run_by_wake_time ON run (wake_time) WHERE wake_time IS NOT NULL;
CREATE INDEX run_by_start_time ON run (namespace, start_time);

-- The tables of small rows: the parts of the key as `port.TABLES` has them, value, expire_time.
-- A definition may have megabytes, so its table keeps rows apart from the key.
CREATE TABLE definition (
    namespace TEXT NOT NULL,
    workflow TEXT NOT NULL,
    version INTEGER NOT NULL,
    value BLOB NOT NULL,
    expire_time INTEGER,
    PRIMARY KEY (namespace, workflow, version)
) STRICT;

CREATE TABLE definition_hash (
    namespace TEXT NOT NULL,
    workflow TEXT NOT NULL,
    content_hash BLOB NOT NULL,
    value BLOB NOT NULL,
    expire_time INTEGER,
    PRIMARY KEY (namespace, workflow, content_hash)
) STRICT, WITHOUT ROWID;

CREATE TABLE ready (
    namespace TEXT NOT NULL,
    queue TEXT NOT NULL,
    type TEXT NOT NULL,
    priority INTEGER NOT NULL,
    ready_time INTEGER NOT NULL,
    run_id BLOB NOT NULL,
    key TEXT NOT NULL,
    value BLOB NOT NULL,
    expire_time INTEGER,
    PRIMARY KEY (namespace, queue, type, priority, ready_time, run_id, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE request (
    namespace TEXT NOT NULL,
    method TEXT NOT NULL,
    request_id TEXT NOT NULL,
    value BLOB NOT NULL,
    expire_time INTEGER,
    PRIMARY KEY (namespace, method, request_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE meta (
    name TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL,
    expire_time INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX definition_by_expire_time ON definition (expire_time) WHERE expire_time IS NOT NULL;
CREATE INDEX definition_hash_by_expire_time ON definition_hash (expire_time)
    WHERE expire_time IS NOT NULL;
CREATE INDEX ready_by_expire_time ON ready (expire_time) WHERE expire_time IS NOT NULL;
CREATE INDEX request_by_expire_time ON request (expire_time) WHERE expire_time IS NOT NULL;
CREATE INDEX meta_by_expire_time ON meta (expire_time) WHERE expire_time IS NOT NULL;
