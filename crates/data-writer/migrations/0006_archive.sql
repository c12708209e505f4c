-- What was archived and what was signed. An archived month is a file with the records of every shard
-- and the hash that each shard's chain had at its end; once a month's rows are dropped here, that hash
-- is where the chain in the ledger begins.

CREATE TABLE grid.ledger_archive (
    shard_id      int         NOT NULL,
    month         date        NOT NULL CHECK (extract(day FROM month) = 1),
    file          text        NOT NULL,
    file_sha256   bytea       NOT NULL CHECK (length(file_sha256) = 32),
    records       bigint      NOT NULL, -- Of this shard in this month.
    head          bytea       NOT NULL CHECK (length(head) = 32), -- After the month's last record.
    last_at       timestamptz NOT NULL, -- Of the last record at or before the month's end.
    archived_at   timestamptz NOT NULL DEFAULT now(),
    dropped_at    timestamptz NULL,     -- When the month's rows left the ledger.
    PRIMARY KEY (shard_id, month)
);

-- Chain heads signed with Ed25519, so that a ledger rewritten from some record on, hashes and all, is
-- told from the true one by anybody who has the public key.
CREATE TABLE grid.ledger_head (
    shard_id      int         NOT NULL,
    incarnation   bigint      NOT NULL,
    log_index     bigint      NOT NULL,
    ordinal       int         NOT NULL,
    head          bytea       NOT NULL CHECK (length(head) = 32),
    signed_at     timestamptz NOT NULL,
    key_id        text        NOT NULL, -- First 16 hexadecimal digits of the public key's SHA-256.
    signature     bytea       NOT NULL CHECK (length(signature) = 64),
    PRIMARY KEY (shard_id, incarnation, log_index, ordinal)
);

-- Drops a month's partition, once it is archived for every shard and old enough. Runs with its
-- owner's rights: the writer may not delete a single row.
CREATE FUNCTION grid.drop_archived_month(month date, kept_months int) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
    AS $$
DECLARE
    name      text := 'ledger_' || to_char(month, 'YYYY_MM');
    older     text;
    records   bigint;
    archived  bigint;
BEGIN
    IF kept_months < 12 THEN
        RAISE EXCEPTION 'the ledger is kept for twelve months at least, not %', kept_months;
    END IF;
    IF month > date_trunc('month', now() AT TIME ZONE 'UTC')::date
               - make_interval(months => kept_months) THEN
        RAISE EXCEPTION 'the month % is younger than % months', month, kept_months;
    END IF;
    IF to_regclass('grid.' || name) IS NULL THEN
        RETURN 0;
    END IF;
    PERFORM pg_advisory_xact_lock(7236828001);
    -- The chain may be cut at its beginning only. A month in which nothing happened goes with the next.
    FOR older IN
        SELECT c.relname FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'grid.ledger'::regclass AND c.relname < name ORDER BY c.relname
    LOOP
        EXECUTE format('SELECT count(*) FROM grid.%I', older) INTO records;
        IF records > 0 THEN
            RAISE EXCEPTION 'an older month than % is still in the ledger', month;
        END IF;
        EXECUTE format('DROP TABLE grid.%I', older);
    END LOOP;
    EXECUTE format('SELECT count(*) FROM grid.%I', name) INTO records;
    SELECT coalesce(sum(a.records), 0) INTO archived
    FROM grid.ledger_archive a WHERE a.month = drop_archived_month.month;
    IF records <> archived THEN
        RAISE EXCEPTION 'the month % has % records, % are archived', month, records, archived;
    END IF;
    EXECUTE format('DROP TABLE grid.%I', name);
    UPDATE grid.ledger_archive a SET dropped_at = now()
    WHERE a.month = drop_archived_month.month AND a.dropped_at IS NULL;
    RETURN records;
END $$;
REVOKE ALL ON FUNCTION grid.drop_archived_month(date, int) FROM PUBLIC;

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'seatgrid_writer') THEN
        GRANT SELECT, INSERT ON grid.ledger_archive, grid.ledger_head TO seatgrid_writer;
        GRANT EXECUTE ON FUNCTION grid.drop_archived_month(date, int) TO seatgrid_writer;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'seatgrid_reader') THEN
        GRANT SELECT ON grid.ledger_archive, grid.ledger_head TO seatgrid_reader;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'seatgrid_office') THEN
        GRANT SELECT ON grid.ledger_archive, grid.ledger_head TO seatgrid_office;
    END IF;
END $$;
