-- What is on its way from one run to another: external events, starts and ends of children.
CREATE TABLE inbox (
    receiver TEXT NOT NULL,     -- run id as hex digits, or namespace and workflow id
    sender BLOB NOT NULL,
    seq INTEGER NOT NULL,       -- the sender's event that it follows from
    number INTEGER NOT NULL,
    value BLOB NOT NULL,
    expire_time INTEGER,
    PRIMARY KEY (receiver, sender, seq, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX inbox_by_expire_time ON inbox (expire_time) WHERE expire_time IS NOT NULL;
