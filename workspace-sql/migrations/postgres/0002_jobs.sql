-- Jobs beside the data, and what they work for. `record` is the whole row; the columns are what is asked for.

CREATE TABLE @jobs (
    id UUID PRIMARY KEY,
    project UUID NOT NULL,
    session UUID,
    writes BIGINT NOT NULL CHECK (writes IN (0, 1)),
    finished BIGINT NOT NULL CHECK (finished IN (0, 1)),
    driver_master TEXT NOT NULL,
    driver_epoch BIGINT NOT NULL,
    record TEXT NOT NULL
);
CREATE INDEX jobs_project ON @jobs (project, id);
CREATE INDEX jobs_session ON @jobs (session, id) WHERE session IS NOT NULL;
CREATE INDEX jobs_unfinished ON @jobs (id) WHERE finished = 0;
-- One writing job per project, one job per session.
CREATE UNIQUE INDEX jobs_writing ON @jobs (project) WHERE finished = 0 AND writes = 1;
CREATE UNIQUE INDEX jobs_running ON @jobs (session) WHERE finished = 0 AND session IS NOT NULL;

CREATE TABLE @sessions (
    id UUID PRIMARY KEY,
    owner TEXT NOT NULL,
    project UUID NOT NULL,
    record TEXT NOT NULL
);
CREATE INDEX sessions_owner ON @sessions (owner, id);
CREATE INDEX sessions_project ON @sessions (project, id);

CREATE TABLE @snapshots (
    id UUID PRIMARY KEY,
    owner TEXT NOT NULL,
    project UUID NOT NULL,
    record TEXT NOT NULL
);
CREATE INDEX snapshots_owner ON @snapshots (owner, id);
CREATE INDEX snapshots_project ON @snapshots (project, id);
