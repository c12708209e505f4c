-- Links to providers of identities have names, so that their owners see and end them; a session says by
-- which link it was opened. Codes are counted by the address that they go to, as a digest.

alter table office.social_identity add column id uuid not null default gen_random_uuid();
create unique index social_identity_id on office.social_identity (id);

-- No reference: a session outlives its link by a month, ended.
alter table office.session add column identity_id uuid;

create table office.code_count (
    key    bytea primary key,
    codes  integer not null,
    since  timestamptz not null default now()
);
create index code_count_old on office.code_count (since);

do $$
begin
    if exists (select from pg_roles where rolname = 'seatgrid_office') then
        grant select, insert, update, delete on office.code_count to seatgrid_office;
    end if;
end
$$;
