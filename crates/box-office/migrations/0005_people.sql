-- People: accounts whose personal data is sealed under a key of their own, sessions, codes, consents,
-- and what is to be sent to them. Nothing here has a name, an address or a number in plain form.

alter table office.account drop constraint account_role_check;
alter table office.account
    alter column login drop not null,
    alter column password_hash drop not null,
    add check (role in ('user', 'steward', 'organiser', 'administrator')),
    -- Digests under a key: find a person by what was typed, tell it to nobody.
    add column login_hash bytea unique,
    add column email_hash bytea,
    add column phone_hash bytea,
    add column email_verified_at timestamptz,
    add column phone_verified_at timestamptz,
    -- The person's key, sealed under the shop's; destroyed when the person is erased.
    add column person_key bytea,
    -- Surname, name, login, e-mail, phone: sealed under the person's key.
    add column profile bytea,
    add column totp bytea,
    add column totp_since timestamptz,
    -- The last used step of the second factor, so that no code works twice.
    add column totp_step bigint not null default 0,
    add column revision bigint not null default 1,
    add column erased_at timestamptz;
-- The login of earlier releases; the office moves it into a profile when it starts.
comment on column office.account.login is 'of earlier releases; null since';
create unique index account_email on office.account (email_hash) where email_verified_at is not null;
create unique index account_phone on office.account (phone_hash) where phone_verified_at is not null;
create index account_email_any on office.account (email_hash);
create index account_phone_any on office.account (phone_hash);

create table office.consent (
    account_id    uuid not null references office.account (id),
    kind          text not null check (kind in ('personal_data', 'marketing')),
    version       text not null check (length(version) between 1 and 64),
    given_at      timestamptz not null default now(),
    withdrawn_at  timestamptz,
    primary key (account_id, kind, given_at)
);

create table office.session (
    id          uuid primary key,
    account_id  uuid not null references office.account (id),
    -- Where it was opened: address and browser, sealed under the person's key.
    about       bytea not null,
    created_at  timestamptz not null default now(),
    used_at     timestamptz not null default now(),
    expires_at  timestamptz not null,
    revoked_at  timestamptz
);
create index session_account on office.session (account_id) where revoked_at is null;
create index session_ended on office.session (expires_at);

-- Every refresh token that a session had: SHA-256 of it. One that comes a second time was stolen.
create table office.refresh_token (
    hash        bytea primary key,
    session_id  uuid not null references office.session (id) on delete cascade,
    made_at     timestamptz not null default now(),
    used_at     timestamptz
);
create index refresh_token_session on office.refresh_token (session_id);

-- Changes that wait for the code that was sent to the new value.
create table office.contact_change (
    id          uuid primary key,
    account_id  uuid not null references office.account (id),
    field       text not null check (field in ('email', 'phone', 'login', 'password')),
    value       bytea not null,
    value_hash  bytea not null,
    code_hash   bytea not null,
    attempts    integer not null default 0,
    made_at     timestamptz not null default now(),
    expires_at  timestamptz not null,
    ended_at    timestamptz
);
create index contact_change_account on office.contact_change (account_id, made_at);

-- Guesses at passwords, by a digest of who is guessed at and from where.
create table office.guess (
    key           bytea primary key,
    failures      integer not null,
    last_at       timestamptz not null default now(),
    locked_until  timestamptz
);
create index guess_old on office.guess (last_at);

-- Messages on their way: to whom and what, sealed; emptied once they have ended.
create table office.message (
    id               bigint generated always as identity primary key,
    account_id       uuid references office.account (id),
    kind             text not null,
    sealed           bytea not null,
    status           text not null default 'waiting' check (status in ('waiting', 'sent', 'dead')),
    attempts         integer not null default 0,
    next_attempt_at  timestamptz not null default now(),
    made_at          timestamptz not null default now(),
    ended_at         timestamptz,
    -- The server's answer by its code alone; texts repeat addresses.
    error            text
);
create index message_waiting on office.message (next_attempt_at) where status = 'waiting';

-- Orders of guests that a person has shown to be theirs.
create table office.order_claim (
    order_id    text primary key,
    account_id  uuid not null references office.account (id),
    claimed_at  timestamptz not null default now()
);
create index order_claim_account on office.order_claim (account_id);

-- Who opened whose personal data, and what for.
create table office.data_access (
    id          bigint generated always as identity primary key,
    account_id  uuid not null,
    actor       text not null,
    purpose     text not null,
    at          timestamptz not null default now()
);
create index data_access_account on office.data_access (account_id, id);

do $$
begin
    if exists (select from pg_roles where rolname = 'seatgrid_office') then
        grant select, insert, update, delete on office.consent, office.session,
            office.refresh_token, office.contact_change, office.guess, office.message,
            office.order_claim to seatgrid_office;
        grant select, insert on office.data_access to seatgrid_office; -- Never changed.
    end if;
end
$$;
