-- What bodies of records have in common, kept once: those from `since` on may be packed against it
-- (dictionaries.py). Servers that do not know it must keep out.
CREATE TABLE dictionary (
    number INTEGER PRIMARY KEY,
    since INTEGER NOT NULL,     -- position of the first record that may need it
    checksum INTEGER NOT NULL,  -- CRC-32 of content
    content BLOB NOT NULL
) STRICT;
