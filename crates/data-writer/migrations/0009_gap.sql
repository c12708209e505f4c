-- A database that lost its last transactions has no records of what happened in them; its shard goes on
-- under a new incarnation. Sales and returns are balanced from there, since one of a pair may be lost.
CREATE OR REPLACE VIEW grid.double_sold AS
SELECT event_id, seat_id, 'order_seat' AS source, count(*) AS owners
FROM grid.order_seat
WHERE status IN ('held', 'sold')
GROUP BY event_id, seat_id
HAVING count(*) > 1
UNION ALL
SELECT l.event_id, l.seat_id, 'ledger',
       sum(CASE l.kind WHEN 'seat_sold' THEN 1 ELSE -1 END)
FROM grid.ledger l
LEFT JOIN grid.writer_checkpoint c USING (shard_id)
WHERE l.kind IN ('seat_sold', 'seat_refunded', 'seat_removed') AND l.status <> 'quarantined'
  AND l.incarnation = coalesce(c.incarnation, l.incarnation)
GROUP BY l.event_id, l.seat_id
HAVING sum(CASE l.kind WHEN 'seat_sold' THEN 1 ELSE -1 END) > 1;
