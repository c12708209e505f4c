-- What the office's role reads beside the tables of sales: which records wait for a person, and how far
-- each shard is, for the list of failures and for `seatgrid reconcile`. Never a parked record's content,
-- which may hold what is sealed.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'seatgrid_office') THEN
        GRANT SELECT (id, shard_id, incarnation, log_index, ordinal, sqlstate, error, parked_at,
            resolved_at, resolution, resolved_by, reason) ON grid.writer_quarantine
            TO seatgrid_office;
        GRANT SELECT ON grid.writer_checkpoint TO seatgrid_office;
    END IF;
END $$;
