-- Late money may become other seats than those it was paid for.
ALTER TABLE grid.payment DROP CONSTRAINT payment_settled_as_check;
ALTER TABLE grid.payment ADD CONSTRAINT payment_settled_as_check
    CHECK (settled_as IN ('confirmed', 'retaken', 'swapped', 'refunded'));

-- As before, with swapped seats counted as bought.
CREATE OR REPLACE VIEW grid.reconciliation AS
SELECT e.event_id,
       coalesce(s.free, 0) AS free,
       coalesce(s.held, 0) AS held,
       coalesce(s.sold, 0) AS sold,
       coalesce(s.blocked, 0) AS blocked,
       coalesce(o.orders_paid, 0) AS orders_paid,
       coalesce(p.captured_minor, 0) - coalesce(r.refunded_minor, 0) AS revenue_minor,
       c.applied_at AS complete_up_to
FROM grid.event e
LEFT JOIN (
    SELECT event_id,
           count(*) FILTER (WHERE status = 'free') AS free,
           count(*) FILTER (WHERE status = 'held') AS held,
           count(*) FILTER (WHERE status = 'sold') AS sold,
           count(*) FILTER (WHERE status = 'blocked') AS blocked
    FROM grid.seat GROUP BY event_id
) s USING (event_id)
LEFT JOIN (
    SELECT event_id, count(*) FILTER (WHERE status = 'paid') AS orders_paid
    FROM grid.sale_order GROUP BY event_id
) o USING (event_id)
LEFT JOIN (
    SELECT event_id, sum(captured_minor)::bigint AS captured_minor
    FROM grid.payment WHERE settled_as IN ('confirmed', 'retaken', 'swapped') GROUP BY event_id
) p USING (event_id)
LEFT JOIN (
    SELECT f.event_id, sum(f.amount_minor)::bigint AS refunded_minor
    FROM grid.refund f JOIN grid.payment g USING (payment_id)
    WHERE f.status = 'succeeded' AND g.settled_as IN ('confirmed', 'retaken', 'swapped')
    GROUP BY f.event_id
) r USING (event_id)
LEFT JOIN grid.writer_checkpoint c ON c.shard_id = e.shard_id;
