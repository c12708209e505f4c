-- Failures of which administrators were told, and refunds that somebody paid out by hand.

create table office.failure_told (
    kind  text not null,
    id    text not null,
    at    timestamptz not null default now(),
    primary key (kind, id)
);

create table office.payout (
    refund_id     text primary key,
    amount_minor  bigint not null check (amount_minor > 0),
    currency      text not null,
    -- Of the bank's or the cash desk's document; never an account's or a card's number.
    reference     text not null check (length(reference) between 1 and 100),
    -- The member of staff.
    subject       uuid,
    at            timestamptz not null default now()
);

do $$
begin
    if exists (select from pg_roles where rolname = 'seatgrid_office') then
        grant select, insert, delete on office.failure_told to seatgrid_office;
        grant select, insert on office.payout to seatgrid_office;
    end if;
end
$$;
