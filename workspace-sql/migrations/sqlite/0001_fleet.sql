-- `@` stands for the prefix of our tables. Ids are TEXTv7, moments are microseconds since 1970 in UTC.

CREATE TABLE @fleet (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    id TEXT NOT NULL
) STRICT;

-- A master's last life; `until` is null once it was given back.
CREATE TABLE @masters (
    id TEXT NOT NULL PRIMARY KEY,
    epoch INTEGER NOT NULL CHECK (epoch >= 1),
    until INTEGER
) STRICT;

-- The amounts are side by side because a claim changes them alone. A ceiling is what `reserved` may not exceed: the
-- limit or, after the limit was lowered below it, what is still held. Claims never write it (ADR 0011).
CREATE TABLE @servers (
    id TEXT NOT NULL PRIMARY KEY,
    scheduling TEXT NOT NULL CHECK (scheduling IN ('active', 'cordoned', 'draining')),
    revision INTEGER NOT NULL,
    ledger_seq INTEGER NOT NULL CHECK (ledger_seq >= 0),
    limit_cpu INTEGER NOT NULL CHECK (limit_cpu >= 0),
    limit_memory INTEGER NOT NULL CHECK (limit_memory >= 0),
    limit_disk INTEGER NOT NULL CHECK (limit_disk >= 0),
    limit_slots INTEGER NOT NULL CHECK (limit_slots >= 0),
    limit_gpus INTEGER NOT NULL CHECK (limit_gpus >= 0),
    reserved_cpu INTEGER NOT NULL DEFAULT 0 CHECK (reserved_cpu >= 0),
    reserved_memory INTEGER NOT NULL DEFAULT 0 CHECK (reserved_memory >= 0),
    reserved_disk INTEGER NOT NULL DEFAULT 0 CHECK (reserved_disk >= 0),
    reserved_slots INTEGER NOT NULL DEFAULT 0 CHECK (reserved_slots >= 0),
    reserved_gpus INTEGER NOT NULL DEFAULT 0 CHECK (reserved_gpus >= 0),
    ceiling_cpu INTEGER NOT NULL CONSTRAINT room_cpu CHECK (ceiling_cpu = max(limit_cpu, reserved_cpu)),
    ceiling_memory INTEGER NOT NULL CONSTRAINT room_memory CHECK (ceiling_memory = max(limit_memory, reserved_memory)),
    ceiling_disk INTEGER NOT NULL CONSTRAINT room_disk CHECK (ceiling_disk = max(limit_disk, reserved_disk)),
    ceiling_slots INTEGER NOT NULL CONSTRAINT room_slots CHECK (ceiling_slots = max(limit_slots, reserved_slots)),
    ceiling_gpus INTEGER NOT NULL CONSTRAINT room_gpus CHECK (ceiling_gpus = max(limit_gpus, reserved_gpus)),
    name TEXT NOT NULL UNIQUE,
    record TEXT NOT NULL,
    observation TEXT NOT NULL,
    sealed BLOB
) STRICT;

-- The ledger of each server: kept after the release, and after the server.
CREATE TABLE @reservations (
    server TEXT NOT NULL,
    claimed_seq INTEGER NOT NULL CHECK (claimed_seq >= 1),
    released_seq INTEGER CHECK (released_seq > claimed_seq),
    holder TEXT NOT NULL,
    part TEXT NOT NULL CHECK (part IN ('compute', 'storage')),
    cpu INTEGER NOT NULL CHECK (cpu >= 0),
    memory INTEGER NOT NULL CHECK (memory >= 0),
    disk INTEGER NOT NULL CHECK (disk >= 0),
    slots INTEGER NOT NULL CHECK (slots >= 0),
    gpus INTEGER NOT NULL CHECK (gpus >= 0),
    PRIMARY KEY (server, claimed_seq)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX @reservations_held ON @reservations (holder, part) WHERE released_seq IS NULL;
CREATE INDEX @reservations_live ON @reservations (server, claimed_seq) WHERE released_seq IS NULL;

CREATE TABLE @projects (
    id TEXT NOT NULL PRIMARY KEY,
    owner TEXT NOT NULL,
    name TEXT,
    revision INTEGER NOT NULL,
    record TEXT NOT NULL,
    sealed BLOB
) STRICT;
CREATE UNIQUE INDEX @projects_name ON @projects (owner, name) WHERE name IS NOT NULL;
CREATE INDEX @projects_owner ON @projects (owner, id);

CREATE TABLE @workspaces (
    id TEXT NOT NULL PRIMARY KEY,
    owner TEXT NOT NULL,
    name TEXT NOT NULL,
    project TEXT NOT NULL,
    server TEXT,
    intent TEXT NOT NULL CHECK (intent IN ('running', 'stopped', 'deleted')),
    status TEXT NOT NULL CHECK (status IN ('pending', 'placing', 'filling', 'starting', 'running', 'stopping',
        'stopped', 'deleting', 'deleted', 'lost', 'error')),
    settled INTEGER NOT NULL CHECK (settled IN (0, 1)),
    revision INTEGER NOT NULL,
    driver_master TEXT NOT NULL,
    driver_epoch INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    desired TEXT NOT NULL,
    observed TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX @workspaces_name ON @workspaces (owner, name) WHERE status <> 'deleted';
CREATE UNIQUE INDEX @workspaces_project ON @workspaces (project) WHERE status <> 'deleted';
CREATE INDEX @workspaces_owner ON @workspaces (owner, id) WHERE status <> 'deleted';
CREATE INDEX @workspaces_server ON @workspaces (server, id) WHERE status <> 'deleted';
CREATE INDEX @workspaces_unsettled ON @workspaces (id) WHERE settled = 0;

CREATE TABLE @network_slots (
    server TEXT NOT NULL,
    slot INTEGER NOT NULL CHECK (slot BETWEEN 0 AND 4095),
    workspace TEXT NOT NULL UNIQUE,
    PRIMARY KEY (server, slot)
) STRICT, WITHOUT ROWID;

-- The last number of each parent's events: its row is the lock under which the next is given.
CREATE TABLE @streams (
    parent TEXT NOT NULL PRIMARY KEY,
    last_seq INTEGER NOT NULL CHECK (last_seq >= 1)
) STRICT;

CREATE TABLE @events (
    parent TEXT NOT NULL,
    seq INTEGER NOT NULL CHECK (seq >= 1),
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    data TEXT NOT NULL,
    PRIMARY KEY (parent, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE @tokens (
    id TEXT NOT NULL PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
    owner TEXT NOT NULL,
    scopes TEXT NOT NULL,
    expires_at INTEGER,
    revoked_at INTEGER,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE @idempotency (
    owner TEXT NOT NULL,
    key TEXT NOT NULL,
    request_hash BLOB NOT NULL CHECK (length(request_hash) = 32),
    resource TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (owner, key)
) STRICT, WITHOUT ROWID;
