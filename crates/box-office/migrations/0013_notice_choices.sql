-- How people want to be told things: a language, and for each kind of notice the ways. And the kinds
-- of notices that there are since: reminders, holds that ended, payments that failed or came late,
-- refunds that began or failed.

alter table office.account add column language text check (language in ('ru', 'en'));

-- What somebody chose; a kind without a row goes the ways that are usual for it.
create table office.notice_choice (
    account_id  uuid not null references office.account (id),
    kind        text not null check (kind ~ '^[a-z_]{1,40}$'),
    channels    text[] not null check (channels <@ array['email', 'push', 'telegram']),
    primary key (account_id, kind)
);

alter table office.notice drop constraint notice_kind_check;
alter table office.notice add constraint notice_kind_check check (kind in ('purchase_confirmed',
    'hold_expired', 'payment_failed', 'payment_late', 'refund_started', 'refund_failed',
    'money_returned', 'seats_moved', 'seats_removed', 'seats_refunded', 'event_moved',
    'event_cancelled', 'hold_withdrawn', 'turn_came', 'reminder'));

-- Starts of which owners are reminded. An event that moves has another one.
create table office.reminder (
    event_id   text not null,
    starts_at  timestamptz not null,
    done_at    timestamptz,
    primary key (event_id, starts_at)
);

do $$
begin
    if exists (select from pg_roles where rolname = 'seatgrid_office') then
        grant select, insert, update, delete on office.notice_choice, office.reminder
            to seatgrid_office;
    end if;
end
$$;
