-- Notices to people: what happened to what they hold, bought or wait for. Durable; whoever sends them
-- takes what has no sent_at. Written by the worker from the grid and its ledger, each once.

create table office.notice (
    id          bigint generated always as identity primary key,
    -- Whose: the id of an order, a hold or a place in a waiting list.
    about       text not null,
    event_id    text not null,
    kind        text not null check (kind in ('turn_came', 'seats_moved', 'seats_removed',
                    'seats_refunded', 'event_cancelled', 'money_returned', 'hold_withdrawn')),
    -- {"seats":[id,…],"hold_id","refund_id","amount_minor","until_ms"}, as the kind has them.
    facts       jsonb not null check (jsonb_typeof(facts) = 'object'),
    -- Sealed, with what it is sealed to; empty when nobody left an address.
    contact     bytea not null,
    sealed_to   text not null,
    -- What happened, in a word that is the same however often it is looked at.
    once        text not null unique,
    at          timestamptz not null,
    sent_at     timestamptz
);
create index notice_about on office.notice (about, id);
create index notice_waiting on office.notice (id) where sent_at is null;

-- How far each shard's ledger was looked through.
create table office.notice_position (
    shard_id     integer primary key,
    incarnation  bigint not null,
    log_index    bigint not null,
    ordinal      integer not null
);

do $$
begin
    if exists (select from pg_roles where rolname = 'seatgrid_office') then
        grant select, insert, update, delete on office.notice, office.notice_position
            to seatgrid_office;
    end if;
end
$$;
