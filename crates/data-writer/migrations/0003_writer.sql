-- The writer's own state: who writes, how far each shard has come, and what could not be written.

-- One row: the writer that may write. Times are the database's, so writers' clocks do not matter.
CREATE TABLE grid.writer_lease (
    id            smallint    PRIMARY KEY DEFAULT 1 CHECK (id = 1),
    epoch         bigint      NOT NULL,
    holder        text        NULL,
    heartbeat_at  timestamptz NOT NULL
);
INSERT INTO grid.writer_lease (epoch, heartbeat_at) VALUES (0, '-infinity');

CREATE TABLE grid.writer_checkpoint (
    shard_id        int         PRIMARY KEY,
    incarnation     bigint      NOT NULL,
    writer_epoch    bigint      NOT NULL,
    applied_index   bigint      NOT NULL, -- Rows up to and including (applied_index,
    applied_ordinal int         NOT NULL, -- applied_ordinal) are here, and none beyond.
    applied_at      timestamptz NOT NULL, -- Every row with an earlier `at` is here.
    chain_hash      bytea       NOT NULL CHECK (length(chain_hash) = 32),
    updated_at      timestamptz NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE grid.writer_quarantine (
    id            bigserial   PRIMARY KEY,
    shard_id      int         NOT NULL,
    incarnation   bigint      NOT NULL,
    log_index     bigint      NOT NULL,
    ordinal       int         NOT NULL,
    sqlstate      text        NOT NULL,
    error         text        NOT NULL,
    payload       jsonb       NOT NULL,
    parked_at     timestamptz NOT NULL DEFAULT now(),
    resolved_at   timestamptz NULL,
    UNIQUE (shard_id, incarnation, log_index, ordinal)
);
