-- Least privilege. Roles belong to the whole server and are made only where the migrating user may;
-- rights are granted to those that exist. Whoever logs in is made a member of one of them.
DO $$
DECLARE
    role text;
BEGIN
    FOREACH role IN ARRAY ARRAY['seatgrid_writer', 'seatgrid_office', 'seatgrid_reader'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', role);
            EXCEPTION
                WHEN duplicate_object OR unique_violation THEN NULL; -- Another database's migration.
                WHEN insufficient_privilege THEN
                    RAISE NOTICE 'role % not made: the migrating user may not create roles', role;
            END;
        END IF;
    END LOOP;
END $$;

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'seatgrid_writer') THEN
        GRANT USAGE ON SCHEMA grid TO seatgrid_writer;
        GRANT SELECT ON ALL TABLES IN SCHEMA grid TO seatgrid_writer;
        GRANT INSERT, UPDATE ON grid.event, grid.seat, grid.sale_order, grid.order_seat,
            grid.payment, grid.refund, grid.writer_lease, grid.writer_checkpoint,
            grid.writer_quarantine TO seatgrid_writer;
        GRANT INSERT ON grid.ledger TO seatgrid_writer; -- Never UPDATE, never DELETE.
        GRANT USAGE ON SEQUENCE grid.writer_quarantine_id_seq TO seatgrid_writer;
        GRANT EXECUTE ON FUNCTION grid.ensure_ledger_partition(bigint) TO seatgrid_writer;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'seatgrid_office') THEN
        GRANT USAGE ON SCHEMA grid TO seatgrid_office;
        GRANT SELECT ON grid.event, grid.seat, grid.sale_order, grid.order_seat, grid.payment,
            grid.refund, grid.ledger, grid.watermark, grid.double_sold, grid.reconciliation
            TO seatgrid_office;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'seatgrid_reader') THEN
        GRANT USAGE ON SCHEMA grid TO seatgrid_reader;
        GRANT SELECT ON grid.event, grid.seat, grid.order_seat, grid.payment, grid.refund,
            grid.ledger, grid.watermark, grid.double_sold, grid.reconciliation,
            grid.writer_checkpoint TO seatgrid_reader;
        -- All but the sealed contact. The quarantine's payload may hold it too, so no table there.
        GRANT SELECT (order_id, event_id, hold_id, status, buyer_id, total_minor, currency,
            created_at, expires_at, paid_at, version, updated_at) ON grid.sale_order
            TO seatgrid_reader;
    END IF;
END $$;
