-- When the store was put back to an earlier state, and what the file knows of itself.

CREATE TABLE epoch (
    restored_at INTEGER PRIMARY KEY,
    made_at INTEGER
) STRICT;

CREATE TABLE store_mark (
    name TEXT PRIMARY KEY,
    said TEXT NOT NULL
) STRICT, WITHOUT ROWID;
