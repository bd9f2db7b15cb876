-- Running intervals: what each workspace had, from when to when. They outlive the workspace.

CREATE TABLE @usage (
    workspace UUID NOT NULL,
    seq BIGINT NOT NULL CHECK (seq >= 1),
    owner TEXT NOT NULL,
    server UUID NOT NULL,
    generation BIGINT NOT NULL,
    cpu BIGINT NOT NULL CHECK (cpu >= 0),
    memory BIGINT NOT NULL CHECK (memory >= 0),
    disk BIGINT NOT NULL CHECK (disk >= 0),
    slots BIGINT NOT NULL CHECK (slots >= 0),
    gpus BIGINT NOT NULL CHECK (gpus >= 0),
    began BIGINT NOT NULL,
    ended BIGINT CHECK (ended >= began),
    ended_by TEXT CHECK (ended_by IN ('stopped', 'deleted', 'restarted', 'failed', 'lost')),
    PRIMARY KEY (workspace, seq),
    CHECK ((ended IS NULL) = (ended_by IS NULL))
);
CREATE UNIQUE INDEX usage_open ON @usage (workspace) WHERE ended IS NULL;
CREATE INDEX usage_owner ON @usage (owner, began);

-- What runs already is counted from now on: nobody wrote down what was before.
INSERT INTO @usage (workspace, seq, owner, server, generation, cpu, memory, disk, slots, gpus, began)
SELECT id, 1, owner, server, (observed::json ->> 'generation')::bigint,
    (desired::json #>> '{claimed,resources,cpu_millis}')::bigint, (desired::json #>> '{claimed,resources,memory_mib}')::bigint,
    (desired::json #>> '{claimed,resources,disk_gib}')::bigint, (desired::json #>> '{claimed,resources,slots}')::bigint,
    (desired::json #>> '{claimed,resources,gpus}')::bigint, #now
FROM @workspaces WHERE status = 'running' AND server IS NOT NULL;
