-- Refused attempts and operators' decisions: rows of the ledger in a chain of their own, under a shard
-- number that no grid gives out. They come from routers, not from the grid, so their times are those of
-- the routers' clocks, made not to run back.

-- The last batch that was kept of each router process, so that a batch sent twice is kept once.
CREATE TABLE grid.attempt_source (
    source      uuid        PRIMARY KEY,
    number      bigint      NOT NULL,
    updated_at  timestamptz NOT NULL
);

-- Searched by time first; a block range index costs next to nothing on rows that come in order.
CREATE INDEX ledger_at ON grid.ledger USING brin (at);

CREATE VIEW grid.attempt AS
SELECT at, kind, nullif(event_id, '') AS event_id, hold_id, order_id, subject, ip, status,
       amount_minor AS left_out, log_index, ordinal
FROM grid.ledger
WHERE shard_id = 2000000000;

-- Up to which moment the tables are complete. Attempts are no shard.
CREATE OR REPLACE VIEW grid.watermark AS
SELECT shard_id,
       applied_index,
       applied_at AS complete_up_to,
       greatest(0, grid.to_ms(clock_timestamp()) - grid.to_ms(applied_at)) AS lag_ms
FROM grid.writer_checkpoint
WHERE shard_id < 2000000000;

-- How a person dealt with a parked record.
ALTER TABLE grid.writer_quarantine
    ADD COLUMN resolution  text NULL CHECK (resolution IN ('retried', 'discarded')),
    ADD COLUMN resolved_by text NULL,
    ADD COLUMN reason      text NULL;

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'seatgrid_writer') THEN
        GRANT SELECT, INSERT, UPDATE, DELETE ON grid.attempt_source TO seatgrid_writer;
        GRANT SELECT ON grid.attempt TO seatgrid_writer;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'seatgrid_office') THEN
        GRANT SELECT ON grid.attempt TO seatgrid_office;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'seatgrid_reader') THEN
        GRANT SELECT ON grid.attempt TO seatgrid_reader;
    END IF;
END $$;
