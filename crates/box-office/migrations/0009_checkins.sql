-- At the door: which tickets were used, and every scan that was ever shown.

-- The first scan of a ticket that let somebody in.
create table office.ticket_use (
    ticket_id  text primary key,
    order_id   text not null,
    event_id   text not null,
    nonce      uuid not null,
    gate       text not null,
    at         timestamptz not null
);
create index ticket_use_order on office.ticket_use (order_id);
create index ticket_use_event on office.ticket_use (event_id);

-- Every scan, also those that let nobody in; a scan that is sent again is here once.
create table office.checkin (
    nonce        uuid primary key,
    -- Null for what was no code of ours.
    ticket_id    text,
    event_id     text,
    gate         text not null check (length(gate) between 1 and 64),
    -- The device's time, and ours.
    at           timestamptz not null,
    received_at  timestamptz not null default now(),
    -- The member of staff.
    subject      uuid,
    -- Whether the device had let somebody in before it could ask.
    forced       boolean not null,
    status       text not null check (status in ('admitted', 'refused')),
    reason       text,
    -- Somebody got in who should not have: two by one ticket, or by one that was void.
    conflict     boolean not null
);
create index checkin_event on office.checkin (event_id, received_at);
create index checkin_conflict on office.checkin (event_id) where conflict;

do $$
begin
    if exists (select from pg_roles where rolname = 'seatgrid_office') then
        grant select, insert, update on office.ticket_use to seatgrid_office;
        grant select, insert on office.checkin to seatgrid_office;
    end if;
end
$$;
