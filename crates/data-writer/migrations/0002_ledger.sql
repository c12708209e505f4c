-- The ledger: one row for every change of every seat, order, payment and refund, never coalesced,
-- never updated, chained by hash per shard. Kept for a year at least.

-- A partitioned table's key must hold the column it is divided by, so `at` follows the four columns
-- that name a row; uniqueness of the four alone is the checkpoint's doing.
CREATE TABLE grid.ledger (
    shard_id      int         NOT NULL,
    incarnation   bigint      NOT NULL,
    log_index     bigint      NOT NULL,
    ordinal       int         NOT NULL,
    event_id      text        NOT NULL,
    kind          text        NOT NULL,
    order_id      text        NULL,
    seat_id       text        NULL,
    hold_id       text        NULL,
    payment_id    text        NULL,
    refund_id     text        NULL,
    amount_minor  bigint      NULL,
    at            timestamptz NOT NULL,
    subject       text        NOT NULL, -- 'guest', 'system', or the account's UUID.
    ip            inet        NULL,
    status        text        NOT NULL, -- What the thing became; 'quarantined' for a parked record.
    prev_hash     bytea       NOT NULL CHECK (length(prev_hash) = 32),
    hash          bytea       NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (shard_id, incarnation, log_index, ordinal, at)
) PARTITION BY RANGE (at);
CREATE INDEX ledger_order ON grid.ledger (order_id) WHERE order_id IS NOT NULL;
CREATE INDEX ledger_owner ON grid.ledger (event_id, seat_id)
    WHERE kind IN ('seat_sold', 'seat_refunded', 'seat_removed');

-- Makes the partition of the month that a time (in ms since 1970) falls into, unless it is there.
-- Runs with its owner's rights, so that the writer's role needs none over tables. Takes a lock of
-- its own first: two makers of one partition would otherwise trip over each other.
CREATE FUNCTION grid.ensure_ledger_partition(at_ms bigint) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
    AS $$
DECLARE
    first timestamp := date_trunc('month', grid.from_ms(at_ms) AT TIME ZONE 'UTC');
    name  text := 'ledger_' || to_char(first, 'YYYY_MM');
BEGIN
    IF to_regclass('grid.' || name) IS NOT NULL THEN
        RETURN name;
    END IF;
    PERFORM pg_advisory_xact_lock(7236828001);
    IF to_regclass('grid.' || name) IS NULL THEN
        EXECUTE format(
            'CREATE TABLE grid.%I PARTITION OF grid.ledger FOR VALUES FROM (%L) TO (%L)',
            name, first::text || '+00', (first + interval '1 month')::text || '+00');
    END IF;
    RETURN name;
END $$;
REVOKE ALL ON FUNCTION grid.ensure_ledger_partition(bigint) FROM PUBLIC;
