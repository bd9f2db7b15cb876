-- The audit log: who asked for what. Nothing changes an entry; it goes when it is old.

CREATE TABLE @audit (
    id TEXT NOT NULL PRIMARY KEY,
    at INTEGER NOT NULL,
    owner TEXT NOT NULL,
    token TEXT,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    name TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX @audit_at ON @audit (at);
CREATE INDEX @audit_subject ON @audit (subject);
