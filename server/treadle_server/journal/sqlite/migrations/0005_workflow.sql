-- What is known of a workflow apart from its versions: which is the current one, and their states.
CREATE TABLE workflow (
    namespace TEXT NOT NULL,
    workflow TEXT NOT NULL,
    value BLOB NOT NULL,
    expire_time INTEGER,
    PRIMARY KEY (namespace, workflow)
) STRICT, WITHOUT ROWID;
CREATE INDEX workflow_by_expire_time ON workflow (expire_time) WHERE expire_time IS NOT NULL;
