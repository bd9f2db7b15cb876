-- Jobs beside the data, and what they work for. `record` is the whole row; the columns are what is asked for.

CREATE TABLE @jobs (
    id TEXT NOT NULL PRIMARY KEY,
    project TEXT NOT NULL,
    session TEXT,
    writes INTEGER NOT NULL CHECK (writes IN (0, 1)),
    finished INTEGER NOT NULL CHECK (finished IN (0, 1)),
    driver_master TEXT NOT NULL,
    driver_epoch INTEGER NOT NULL,
    record TEXT NOT NULL
) STRICT;
CREATE INDEX @jobs_project ON @jobs (project, id);
CREATE INDEX @jobs_session ON @jobs (session, id) WHERE session IS NOT NULL;
CREATE INDEX @jobs_unfinished ON @jobs (id) WHERE finished = 0;
-- One writing job per project, one job per session.
CREATE UNIQUE INDEX @jobs_writing ON @jobs (project) WHERE finished = 0 AND writes = 1;
CREATE UNIQUE INDEX @jobs_running ON @jobs (session) WHERE finished = 0 AND session IS NOT NULL;

CREATE TABLE @sessions (
    id TEXT NOT NULL PRIMARY KEY,
    owner TEXT NOT NULL,
    project TEXT NOT NULL,
    record TEXT NOT NULL
) STRICT;
CREATE INDEX @sessions_owner ON @sessions (owner, id);
CREATE INDEX @sessions_project ON @sessions (project, id);

CREATE TABLE @snapshots (
    id TEXT NOT NULL PRIMARY KEY,
    owner TEXT NOT NULL,
    project TEXT NOT NULL,
    record TEXT NOT NULL
) STRICT;
CREATE INDEX @snapshots_owner ON @snapshots (owner, id);
CREATE INDEX @snapshots_project ON @snapshots (project, id);
