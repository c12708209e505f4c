-- Work that was given up is looked for by its name, before it is asked for again.

create index job_dead on office.job (kind, once) where status = 'dead';
