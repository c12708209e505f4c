-- Notices by Telegram and web push: where a person can be reached there, and messages by those ways.

alter table office.message
    add column channel text not null default 'email' check (channel in ('email', 'push', 'telegram')),
    drop constraint message_status_check,
    -- Gone: its receiver is there no more, and nothing went in its place.
    add constraint message_status_check check (status in ('waiting', 'sent', 'gone', 'dead'));
drop index office.message_waiting;
create index message_waiting on office.message (channel, next_attempt_at) where status = 'waiting';

-- Codes that bind a chat to an account, once; a digest of each.
create table office.telegram_code (
    code_hash   bytea primary key,
    account_id  uuid not null references office.account (id),
    expires_at  timestamptz not null
);
create index telegram_code_account on office.telegram_code (account_id);

create table office.telegram_chat (
    account_id  uuid primary key references office.account (id),
    -- The chat's number, sealed under the person's key; and a digest, by which the chat finds its account.
    chat        bytea not null,
    chat_hash   bytea not null,
    linked_at   timestamptz not null default now()
);
create index telegram_chat_hash on office.telegram_chat (chat_hash);

-- Which of the bot's updates comes next.
create table office.telegram_cursor (
    one          boolean primary key default true check (one),
    next_update  bigint not null default 0
);
insert into office.telegram_cursor default values;

-- Browsers that take push messages: address and keys, sealed under the person's key.
create table office.push_subscription (
    id             uuid primary key,
    account_id     uuid not null references office.account (id),
    endpoint_hash  bytea not null,
    sealed         bytea not null,
    made_at        timestamptz not null default now(),
    unique (account_id, endpoint_hash)
);

do $$
begin
    if exists (select from pg_roles where rolname = 'seatgrid_office') then
        grant select, insert, update, delete on office.telegram_code, office.telegram_chat,
            office.telegram_cursor, office.push_subscription to seatgrid_office;
    end if;
end
$$;
