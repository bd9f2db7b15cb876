-- The audit log: who asked for what. Nothing changes an entry; it goes when it is old.

CREATE TABLE @audit (
    id UUID PRIMARY KEY,
    at BIGINT NOT NULL,
    owner TEXT NOT NULL,
    token UUID,
    action TEXT NOT NULL,
    subject UUID NOT NULL,
    name TEXT
);
CREATE INDEX audit_at ON @audit (at);
CREATE INDEX audit_subject ON @audit (subject);
