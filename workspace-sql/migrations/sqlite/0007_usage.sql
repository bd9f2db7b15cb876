-- Running intervals: what each workspace had, from when to when. They outlive the workspace.

CREATE TABLE @usage (
    workspace TEXT NOT NULL,
    seq INTEGER NOT NULL CHECK (seq >= 1),
    owner TEXT NOT NULL,
    server TEXT NOT NULL,
    generation INTEGER NOT NULL,
    cpu INTEGER NOT NULL CHECK (cpu >= 0),
    memory INTEGER NOT NULL CHECK (memory >= 0),
    disk INTEGER NOT NULL CHECK (disk >= 0),
    slots INTEGER NOT NULL CHECK (slots >= 0),
    gpus INTEGER NOT NULL CHECK (gpus >= 0),
    began INTEGER NOT NULL,
    ended INTEGER CHECK (ended >= began),
    ended_by TEXT CHECK (ended_by IN ('stopped', 'deleted', 'restarted', 'failed', 'lost')),
    PRIMARY KEY (workspace, seq),
    CHECK ((ended IS NULL) = (ended_by IS NULL))
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX @usage_open ON @usage (workspace) WHERE ended IS NULL;
CREATE INDEX @usage_owner ON @usage (owner, began);

-- What runs already is counted from now on: nobody wrote down what was before.
INSERT INTO @usage (workspace, seq, owner, server, generation, cpu, memory, disk, slots, gpus, began)
SELECT id, 1, owner, server, json_extract(observed, '$.generation'),
    json_extract(desired, '$.claimed.resources.cpu_millis'), json_extract(desired, '$.claimed.resources.memory_mib'),
    json_extract(desired, '$.claimed.resources.disk_gib'), json_extract(desired, '$.claimed.resources.slots'),
    json_extract(desired, '$.claimed.resources.gpus'), #now
FROM @workspaces WHERE status = 'running' AND server IS NOT NULL;
