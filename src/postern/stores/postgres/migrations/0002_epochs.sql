-- Runs beside schema 1
-- When the store was put back to an earlier state, and what the database knows of itself.

CREATE TABLE IF NOT EXISTS epoch (
    restored_at BIGINT PRIMARY KEY,
    made_at BIGINT
);

CREATE TABLE IF NOT EXISTS store_mark (
    name TEXT PRIMARY KEY,
    said TEXT NOT NULL
);
