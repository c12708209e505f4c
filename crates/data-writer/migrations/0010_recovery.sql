-- What a shard needs to be brought back from these tables after all its replicas were lost, beyond
-- what the other tables tell. Written with the rows that it belongs to, in the same transaction; read
-- by `seatgrid ctl shard recover --from-database` and nobody else. The bytes are the grid's own form.

-- Terms, plan, window, codes, limits, places in the waiting list and the like: one row a thing. A thing
-- that is gone has no bytes.
CREATE TABLE grid.recovery (
    event_id  text    NOT NULL,
    kind      text    NOT NULL,
    key       text    NOT NULL,
    detail    bytea   NULL,
    version   bigint  NOT NULL,
    PRIMARY KEY (event_id, kind, key)
) WITH (fillfactor = 85);

-- Of the hold that has the seat; of the order.
ALTER TABLE grid.seat ADD COLUMN hold_detail bytea NULL;
ALTER TABLE grid.sale_order ADD COLUMN detail bytea NULL;

-- Names these rows of a shard for the grid, which remembers them: another database, or another grid, is
-- told exactly. Drawn anew when the shard is brought back, so that what was lost and returns is told too.
ALTER TABLE grid.writer_checkpoint ADD COLUMN database_id uuid NOT NULL DEFAULT gen_random_uuid();

-- One row for each time that a shard was brought back: the gap report. Not finished: to be gone on with.
CREATE TABLE grid.recovery_run (
    shard_id      int         NOT NULL,
    incarnation   bigint      NOT NULL, -- That began with it.
    database_id   uuid        NOT NULL,
    lost_after    text        NOT NULL, -- The last record that is here, as index.row.
    lost_from     timestamptz NOT NULL, -- The watermark: all that happened before is here.
    lost_until    timestamptz NOT NULL, -- The loss, as far as is known.
    begun_at      timestamptz NOT NULL DEFAULT now(),
    finished_at   timestamptz NULL,
    report        jsonb       NULL,
    PRIMARY KEY (shard_id, incarnation)
);

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'seatgrid_writer') THEN
        GRANT SELECT, INSERT, UPDATE ON grid.recovery, grid.recovery_run TO seatgrid_writer;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'seatgrid_reader') THEN
        GRANT SELECT ON grid.recovery_run TO seatgrid_reader;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'seatgrid_office') THEN
        GRANT SELECT ON grid.recovery_run TO seatgrid_office;
    END IF;
END $$;
