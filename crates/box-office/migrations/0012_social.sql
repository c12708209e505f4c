-- Who signs in by which provider of identities. The provider's name for a person is kept as a digest
-- only, so that nobody can tell from it who it is.
create table office.social_identity (
    provider      text not null check (length(provider) between 1 and 32),
    subject_hash  bytea not null,
    account_id    uuid not null references office.account (id),
    linked_at     timestamptz not null default now(),
    used_at       timestamptz not null default now(),
    primary key (provider, subject_hash)
);
create index social_identity_account on office.social_identity (account_id);

do $$
begin
    if exists (select from pg_roles where rolname = 'seatgrid_office') then
        grant select, insert, update, delete on office.social_identity to seatgrid_office;
    end if;
end
$$;
