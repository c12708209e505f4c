-- What the data writer writes behind the grid. Read by reconciliation jobs, reports and auditors,
-- written by nobody else. Times are UTC; money is in minor units of the row's currency.
--
-- There are no foreign keys: one poison record that had to be parked must not hold back every
-- later row that refers to it. What would break them is found by `seatgrid reconcile`.

-- Milliseconds since 1970 as a time. Exact: both sides have at most microseconds.
CREATE FUNCTION grid.from_ms(ms bigint) RETURNS timestamptz
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$ SELECT to_timestamp(ms::double precision / 1000) $$;

-- A time as milliseconds since 1970.
CREATE FUNCTION grid.to_ms(at timestamptz) RETURNS bigint
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$ SELECT round(extract(epoch FROM at) * 1000)::bigint $$;

CREATE TABLE grid.event (
    event_id      text        PRIMARY KEY,
    event_no      bigint      NOT NULL,
    name          text        NOT NULL,
    starts_at     timestamptz NOT NULL,
    shard_id      int         NOT NULL,
    plan_version  bigint      NOT NULL,
    currency      text        NOT NULL,
    opens_at      timestamptz NOT NULL,
    closes_at     timestamptz NOT NULL,
    hold_ttl_ms   bigint      NOT NULL,
    per_hold_max  int         NOT NULL,
    version       bigint      NOT NULL,
    updated_at    timestamptz NOT NULL
);

CREATE TABLE grid.seat (
    event_id      text        NOT NULL,
    seat_id       text        NOT NULL,
    section       text        NOT NULL,
    row_label     text        NOT NULL,
    number        text        NOT NULL,
    tier          text        NOT NULL,
    status        text        NOT NULL
                  CHECK (status IN ('free', 'held', 'sold', 'blocked', 'removed')),
    order_id      text        NULL,
    hold_id       text        NULL,
    held_until    timestamptz NULL,
    price_minor   bigint      NOT NULL,
    currency      text        NOT NULL,
    version       bigint      NOT NULL,
    updated_at    timestamptz NOT NULL,
    PRIMARY KEY (event_id, seat_id),
    CHECK ((status = 'held') = (hold_id IS NOT NULL)),
    CHECK ((status = 'held') = (held_until IS NOT NULL)),
    CHECK ((status = 'sold') = (order_id IS NOT NULL))
) WITH (fillfactor = 85); -- Updates in place: no index holds a column that changes.

CREATE TABLE grid.sale_order (
    order_id      text        PRIMARY KEY,
    event_id      text        NOT NULL,
    hold_id       text        NOT NULL,
    status        text        NOT NULL
                  CHECK (status IN ('pending_payment', 'paid', 'cancelled', 'expired',
                                    'refund_pending', 'refunded', 'partially_refunded')),
    buyer_id      uuid        NULL,
    contact       bytea       NOT NULL, -- Sealed outside the grid.
    total_minor   bigint      NOT NULL,
    currency      text        NOT NULL,
    created_at    timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL,
    paid_at       timestamptz NULL,
    version       bigint      NOT NULL,
    updated_at    timestamptz NOT NULL
) WITH (fillfactor = 85);
CREATE INDEX sale_order_event ON grid.sale_order (event_id);
CREATE INDEX sale_order_buyer ON grid.sale_order (buyer_id) WHERE buyer_id IS NOT NULL;

CREATE TABLE grid.order_seat (
    order_id      text        NOT NULL,
    event_id      text        NOT NULL,
    seat_id       text        NOT NULL,
    price_minor   bigint      NOT NULL,
    status        text        NOT NULL CHECK (status IN ('held', 'sold', 'released', 'refunded')),
    version       bigint      NOT NULL,
    PRIMARY KEY (order_id, seat_id)
) WITH (fillfactor = 85);
CREATE INDEX order_seat_seat ON grid.order_seat (event_id, seat_id);

CREATE TABLE grid.payment (
    payment_id     text        PRIMARY KEY,
    event_id       text        NOT NULL,
    order_id       text        NOT NULL,
    provider       text        NOT NULL,
    method         text        NOT NULL,
    provider_ref   text        NULL,
    status         text        NOT NULL CHECK (status IN ('pending', 'succeeded', 'canceled')),
    settled_as     text        NULL CHECK (settled_as IN ('confirmed', 'retaken', 'refunded')),
    amount_minor   bigint      NOT NULL,
    captured_minor bigint      NULL,
    currency       text        NOT NULL,
    started_at     timestamptz NOT NULL,
    settled_at     timestamptz NULL,
    version        bigint      NOT NULL,
    updated_at     timestamptz NOT NULL,
    -- Captured money always became something.
    CHECK ((status = 'succeeded') = (settled_as IS NOT NULL)),
    CHECK ((status = 'succeeded') = (captured_minor IS NOT NULL))
) WITH (fillfactor = 85);
CREATE INDEX payment_order ON grid.payment (order_id);
CREATE INDEX payment_provider ON grid.payment (provider, provider_ref);

CREATE TABLE grid.refund (
    refund_id     text        PRIMARY KEY,
    event_id      text        NOT NULL,
    payment_id    text        NOT NULL,
    order_id      text        NOT NULL,
    amount_minor  bigint      NOT NULL,
    currency      text        NOT NULL,
    status        text        NOT NULL CHECK (status IN ('pending', 'succeeded', 'dead')),
    attempts      bigint      NOT NULL,
    last_error    text        NULL,
    created_at    timestamptz NOT NULL,
    version       bigint      NOT NULL,
    updated_at    timestamptz NOT NULL
) WITH (fillfactor = 85);
CREATE INDEX refund_payment ON grid.refund (payment_id);
CREATE INDEX refund_order ON grid.refund (order_id);
