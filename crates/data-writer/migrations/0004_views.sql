-- Up to which moment the tables are complete.
CREATE VIEW grid.watermark AS
SELECT shard_id,
       applied_index,
       applied_at AS complete_up_to,
       greatest(0, grid.to_ms(clock_timestamp()) - grid.to_ms(applied_at)) AS lag_ms
FROM grid.writer_checkpoint;

-- Must always be empty: seats with more than one live owner, by the orders and by the ledger.
CREATE VIEW grid.double_sold AS
SELECT event_id, seat_id, 'order_seat' AS source, count(*) AS owners
FROM grid.order_seat
WHERE status IN ('held', 'sold')
GROUP BY event_id, seat_id
HAVING count(*) > 1
UNION ALL
SELECT event_id, seat_id, 'ledger',
       sum(CASE kind WHEN 'seat_sold' THEN 1 ELSE -1 END)
FROM grid.ledger
WHERE kind IN ('seat_sold', 'seat_refunded', 'seat_removed') AND status <> 'quarantined'
GROUP BY event_id, seat_id
HAVING sum(CASE kind WHEN 'seat_sold' THEN 1 ELSE -1 END) > 1;

-- One line an event. Revenue is captured money that bought seats, less what went back of it.
CREATE VIEW grid.reconciliation AS
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
    FROM grid.payment WHERE settled_as IN ('confirmed', 'retaken') GROUP BY event_id
) p USING (event_id)
LEFT JOIN (
    SELECT f.event_id, sum(f.amount_minor)::bigint AS refunded_minor
    FROM grid.refund f JOIN grid.payment g USING (payment_id)
    WHERE f.status = 'succeeded' AND g.settled_as IN ('confirmed', 'retaken')
    GROUP BY f.event_id
) r USING (event_id)
LEFT JOIN grid.writer_checkpoint c ON c.shard_id = e.shard_id;
