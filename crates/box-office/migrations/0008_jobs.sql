-- Work for the workers: taken by whoever is free, tried again with growing pauses, visible to staff; and
-- the ticket documents that it makes.

create table office.job (
    id               bigint generated always as identity primary key,
    kind             text not null check (kind ~ '^[a-z_]{1,40}$'),
    -- Names the work: while it is open it is not put in twice.
    once             text not null check (length(once) between 1 and 200),
    -- 0 first, 9 last.
    priority         smallint not null default 5 check (priority between 0 and 9),
    -- Sealed; emptied once the job has ended well.
    payload          bytea not null,
    status           text not null default 'waiting'
                     check (status in ('waiting', 'running', 'done', 'dead')),
    attempts         integer not null default 0,
    attempts_max     integer not null check (attempts_max between 1 and 100),
    next_attempt_at  timestamptz not null default now(),
    -- Who works on it, and until when it is theirs without a sign of life.
    taken_by         text,
    taken_until      timestamptz,
    -- What went wrong last, without anything of a person.
    error            text,
    made_at          timestamptz not null default now(),
    started_at       timestamptz,
    ended_at         timestamptz
);
create unique index job_open on office.job (kind, once) where status in ('waiting', 'running');
create index job_waiting on office.job (priority, next_attempt_at, id) where status = 'waiting';
create index job_running on office.job (taken_until) where status = 'running';
create index job_ended on office.job (ended_at) where ended_at is not null;

-- Ticket documents, sealed: what is in them lets somebody in. Made anew whenever they are asked for again.
create table office.document (
    -- SHA-256 of what the document says and its form.
    digest   bytea primary key,
    sealed   bytea not null,
    made_at  timestamptz not null default now()
);
create index document_old on office.document (made_at);

do $$
begin
    if exists (select from pg_roles where rolname = 'seatgrid_office') then
        grant select, insert, update, delete on office.job, office.document to seatgrid_office;
    end if;
end
$$;
