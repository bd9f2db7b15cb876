-- `@` stands for the schema. Ids are UUIDv7, moments are microseconds since 1970 in UTC.

CREATE TABLE @fleet (
    one BIGINT PRIMARY KEY CHECK (one = 1),
    id UUID NOT NULL
);

-- A master's last life; `until` is null once it was given back.
CREATE TABLE @masters (
    id TEXT PRIMARY KEY,
    epoch BIGINT NOT NULL CHECK (epoch >= 1),
    until BIGINT
);

-- The amounts are side by side because a claim changes them alone. A ceiling is what `reserved` may not exceed: the
-- limit or, after the limit was lowered below it, what is still held. Claims never write it (ADR 0011).
CREATE TABLE @servers (
    id UUID PRIMARY KEY,
    scheduling TEXT NOT NULL CHECK (scheduling IN ('active', 'cordoned', 'draining')),
    revision BIGINT NOT NULL,
    ledger_seq BIGINT NOT NULL CHECK (ledger_seq >= 0),
    limit_cpu BIGINT NOT NULL CHECK (limit_cpu >= 0),
    limit_memory BIGINT NOT NULL CHECK (limit_memory >= 0),
    limit_disk BIGINT NOT NULL CHECK (limit_disk >= 0),
    limit_slots BIGINT NOT NULL CHECK (limit_slots >= 0),
    limit_gpus BIGINT NOT NULL CHECK (limit_gpus >= 0),
    reserved_cpu BIGINT NOT NULL DEFAULT 0 CHECK (reserved_cpu >= 0),
    reserved_memory BIGINT NOT NULL DEFAULT 0 CHECK (reserved_memory >= 0),
    reserved_disk BIGINT NOT NULL DEFAULT 0 CHECK (reserved_disk >= 0),
    reserved_slots BIGINT NOT NULL DEFAULT 0 CHECK (reserved_slots >= 0),
    reserved_gpus BIGINT NOT NULL DEFAULT 0 CHECK (reserved_gpus >= 0),
    ceiling_cpu BIGINT NOT NULL CONSTRAINT room_cpu CHECK (ceiling_cpu = greatest(limit_cpu, reserved_cpu)),
    ceiling_memory BIGINT NOT NULL CONSTRAINT room_memory CHECK (ceiling_memory = greatest(limit_memory, reserved_memory)),
    ceiling_disk BIGINT NOT NULL CONSTRAINT room_disk CHECK (ceiling_disk = greatest(limit_disk, reserved_disk)),
    ceiling_slots BIGINT NOT NULL CONSTRAINT room_slots CHECK (ceiling_slots = greatest(limit_slots, reserved_slots)),
    ceiling_gpus BIGINT NOT NULL CONSTRAINT room_gpus CHECK (ceiling_gpus = greatest(limit_gpus, reserved_gpus)),
    name TEXT NOT NULL UNIQUE,
    record TEXT NOT NULL,
    observation TEXT NOT NULL,
    sealed BYTEA
) WITH (fillfactor = 50);

-- The ledger of each server: kept after the release, and after the server.
CREATE TABLE @reservations (
    server UUID NOT NULL,
    claimed_seq BIGINT NOT NULL CHECK (claimed_seq >= 1),
    released_seq BIGINT CHECK (released_seq > claimed_seq),
    holder UUID NOT NULL,
    part TEXT NOT NULL CHECK (part IN ('compute', 'storage')),
    cpu BIGINT NOT NULL CHECK (cpu >= 0),
    memory BIGINT NOT NULL CHECK (memory >= 0),
    disk BIGINT NOT NULL CHECK (disk >= 0),
    slots BIGINT NOT NULL CHECK (slots >= 0),
    gpus BIGINT NOT NULL CHECK (gpus >= 0),
    PRIMARY KEY (server, claimed_seq)
);
CREATE UNIQUE INDEX reservations_held ON @reservations (holder, part) WHERE released_seq IS NULL;
CREATE INDEX reservations_live ON @reservations (server, claimed_seq) WHERE released_seq IS NULL;

CREATE TABLE @projects (
    id UUID PRIMARY KEY,
    owner TEXT NOT NULL,
    name TEXT,
    revision BIGINT NOT NULL,
    record TEXT NOT NULL,
    sealed BYTEA
);
CREATE UNIQUE INDEX projects_name ON @projects (owner, name) WHERE name IS NOT NULL;
CREATE INDEX projects_owner ON @projects (owner, id);

CREATE TABLE @workspaces (
    id UUID PRIMARY KEY,
    owner TEXT NOT NULL,
    name TEXT NOT NULL,
    project UUID NOT NULL,
    server UUID,
    intent TEXT NOT NULL CHECK (intent IN ('running', 'stopped', 'deleted')),
    status TEXT NOT NULL CHECK (status IN ('pending', 'placing', 'filling', 'starting', 'running', 'stopping',
        'stopped', 'deleting', 'deleted', 'lost', 'error')),
    settled BIGINT NOT NULL CHECK (settled IN (0, 1)),
    revision BIGINT NOT NULL,
    driver_master TEXT NOT NULL,
    driver_epoch BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    desired TEXT NOT NULL,
    observed TEXT NOT NULL
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX workspaces_name ON @workspaces (owner, name) WHERE status <> 'deleted';
CREATE UNIQUE INDEX workspaces_project ON @workspaces (project) WHERE status <> 'deleted';
CREATE INDEX workspaces_owner ON @workspaces (owner, id) WHERE status <> 'deleted';
CREATE INDEX workspaces_server ON @workspaces (server, id) WHERE status <> 'deleted';
CREATE INDEX workspaces_unsettled ON @workspaces (id) WHERE settled = 0;

CREATE TABLE @network_slots (
    server UUID NOT NULL,
    slot BIGINT NOT NULL CHECK (slot BETWEEN 0 AND 4095),
    workspace UUID NOT NULL UNIQUE,
    PRIMARY KEY (server, slot)
);

-- The last number of each parent's events: its row is the lock under which the next is given.
CREATE TABLE @streams (
    parent UUID PRIMARY KEY,
    last_seq BIGINT NOT NULL CHECK (last_seq >= 1)
) WITH (fillfactor = 70);

CREATE TABLE @events (
    parent UUID NOT NULL,
    seq BIGINT NOT NULL CHECK (seq >= 1),
    at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    data TEXT NOT NULL,
    PRIMARY KEY (parent, seq)
);

CREATE TABLE @tokens (
    id UUID PRIMARY KEY,
    hash BYTEA NOT NULL UNIQUE CHECK (length(hash) = 32),
    owner TEXT NOT NULL,
    scopes TEXT NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT,
    created_at BIGINT NOT NULL
);

CREATE TABLE @idempotency (
    owner TEXT NOT NULL,
    key TEXT NOT NULL,
    request_hash BYTEA NOT NULL CHECK (length(request_hash) = 32),
    resource UUID NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (owner, key)
);
