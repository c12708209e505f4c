-- What staff needs to keep the catalogue: plans of their own, revisions to compare with, the key that
-- made a row, and who changed what.

alter table office.artist
    add column revision   bigint not null default 1,
    add column made_by    uuid unique,
    add column made_hash  bigint;
create trigger artist_counted before update on office.artist
    for each row execute function office.count_revision();

alter table office.venue
    add column revision   bigint not null default 1,
    add column made_by    uuid unique,
    add column made_hash  bigint;
create trigger venue_counted before update on office.venue
    for each row execute function office.count_revision();

create table office.plan (
    id          text primary key check (id ~ '^[a-z0-9][a-z0-9-]{0,63}$'),
    venue_id    text not null references office.venue (id),
    name        text not null,
    -- As office.event.plan.
    plan        jsonb not null,
    revision    bigint not null default 1,
    made_by     uuid unique,
    made_hash   bigint,
    created_at  timestamptz not null default now(),
    updated_at  timestamptz not null default now()
);
create trigger plan_counted before update on office.plan
    for each row execute function office.count_revision();

alter table office.event
    -- The plan that its own was copied from.
    add column plan_id    text references office.plan (id),
    add column made_by    uuid unique,
    add column made_hash  bigint;

-- Who changed what in the catalogue; outlives what was deleted.
create table office.change (
    id         bigint generated always as identity primary key,
    at         timestamptz not null default now(),
    -- The member of staff, as in the ledger.
    subject    uuid,
    ip         inet,
    entity     text not null check (entity in ('artist', 'venue', 'plan', 'event')),
    entity_id  text not null,
    action     text not null check (action in ('created', 'edited', 'deleted', 'published', 'moved')),
    -- The row as it was left; as it was before for what was deleted.
    document   jsonb not null
);
create index change_of on office.change (entity, entity_id, id);

-- Events that took another time or place: whoever has an order is told, also after a restart.
create table office.event_move (
    id        bigint generated always as identity primary key,
    event_id  text not null,
    -- {"starts_at","venue_id"} before and after: {"from":{…},"to":{…}}
    facts     jsonb not null,
    at        timestamptz not null default clock_timestamp(),
    -- When all orders of before were told.
    done_at   timestamptz
);
create index event_move_open on office.event_move (id) where done_at is null;

alter table office.notice drop constraint notice_kind_check;
alter table office.notice add constraint notice_kind_check
    check (kind in ('turn_came', 'seats_moved', 'seats_removed', 'seats_refunded',
                    'event_cancelled', 'event_moved', 'money_returned', 'hold_withdrawn'));

do $$
begin
    if exists (select from pg_roles where rolname = 'seatgrid_office') then
        grant select, insert, update, delete on office.plan, office.event_move to seatgrid_office;
        grant select, insert on office.change to seatgrid_office;
    end if;
end
$$;
