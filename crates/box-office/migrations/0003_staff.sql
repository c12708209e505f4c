-- What staff needs to edit an event: a revision to compare with, and the reason for a late start.

alter table office.event
    -- Grows with every edit; the ETag of staff calls.
    add column revision bigint not null default 1,
    -- Why the sale starts less than 60 days before the event.
    add column short_notice_reason text check (length(short_notice_reason) between 1 and 500);

create function office.count_revision() returns trigger language plpgsql as $$
begin
    new.revision = old.revision + 1;
    return new;
end
$$;
create trigger event_counted before update on office.event
    for each row execute function office.count_revision();
