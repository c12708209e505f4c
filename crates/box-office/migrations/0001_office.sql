-- The ordinary services' own schema: catalogue, accounts, the journal of gateway notifications.

create table office.artist (
    id          text primary key check (id ~ '^[a-z0-9][a-z0-9-]{0,63}$'),
    name        text not null,
    occupation  text,
    genre       text,
    bio         text,
    works       jsonb not null default '[]',
    created_at  timestamptz not null default now(),
    updated_at  timestamptz not null default now()
);

create table office.venue (
    id          text primary key check (id ~ '^[a-z0-9][a-z0-9-]{0,63}$'),
    name        text not null,
    city        text not null,
    address     text not null,
    timezone    text not null,
    created_at  timestamptz not null default now(),
    updated_at  timestamptz not null default now()
);

create table office.event (
    id              text primary key check (id ~ '^[a-z0-9][a-z0-9-]{0,63}$'),
    name            text not null,
    description     text not null default '',
    venue_id        text not null references office.venue (id),
    starts_at       timestamptz not null,
    status          text not null default 'draft' check (status in ('draft', 'published')),
    currency        text not null check (currency ~ '^[A-Z]{3}$'),
    -- [{"id","name","price_minor"}]
    tiers           jsonb not null,
    -- {"version","sections":[{"id","name","rows":[{"label","seats":[{"number","tier","x","y"}]}]}]}
    plan            jsonb not null,
    sale_opens_at   timestamptz not null,
    sale_closes_at  timestamptz not null,
    per_person_max  integer not null check (per_person_max between 1 and 100),
    per_hold_max    integer not null check (per_hold_max between 1 and 100),
    hold_ttl_s      integer not null check (hold_ttl_s between 5 and 1800),
    created_at      timestamptz not null default now(),
    updated_at      timestamptz not null default now(),
    check (sale_opens_at < sale_closes_at)
);

create table office.event_artist (
    event_id   text not null references office.event (id) on delete cascade,
    artist_id  text not null references office.artist (id),
    position   integer not null,
    primary key (event_id, artist_id)
);

-- One row that grows with every change of the catalogue, so that a cache asks one cheap question.
create table office.catalogue_revision (
    one       boolean primary key default true check (one),
    revision  bigint not null default 1
);
insert into office.catalogue_revision default values;

create function office.touch_catalogue() returns trigger language plpgsql as $$
begin
    update office.catalogue_revision set revision = revision + 1;
    return null;
end
$$;

create trigger artist_changed after insert or update or delete on office.artist
    for each statement execute function office.touch_catalogue();
create trigger venue_changed after insert or update or delete on office.venue
    for each statement execute function office.touch_catalogue();
create trigger event_changed after insert or update or delete on office.event
    for each statement execute function office.touch_catalogue();
create trigger event_artist_changed after insert or update or delete on office.event_artist
    for each statement execute function office.touch_catalogue();

create table office.account (
    id             uuid primary key,
    login          text not null unique,
    password_hash  text not null,
    role           text not null check (role in ('administrator')),
    created_at     timestamptz not null default now()
);

-- What gateways said, as they said it: stored before they are answered.
create table office.webhook_event (
    id               bigint generated always as identity primary key,
    provider         text not null,
    -- SHA-256 of the body: repeats are one row.
    digest           bytea not null,
    body             bytea not null,
    received_at      timestamptz not null default now(),
    times            integer not null default 1,
    status           text not null default 'received'
                     check (status in ('received', 'done', 'ignored', 'given_up')),
    note             text,
    attempts         integer not null default 0,
    next_attempt_at  timestamptz not null default now(),
    ended_at         timestamptz,
    unique (provider, digest)
);
create index webhook_event_waiting on office.webhook_event (next_attempt_at)
    where status = 'received';
create index webhook_event_ended on office.webhook_event (ended_at) where ended_at is not null;

do $$
begin
    if exists (select from pg_roles where rolname = 'seatgrid_office') then
        grant usage on schema office to seatgrid_office;
        grant select, insert, update, delete on all tables in schema office to seatgrid_office;
    end if;
end
$$;
