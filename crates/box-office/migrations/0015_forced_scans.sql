-- A door that let somebody in without having heard that it should not says so later.
do $$
begin
    if exists (select from pg_roles where rolname = 'seatgrid_office') then
        grant update (forced, conflict) on office.checkin to seatgrid_office;
    end if;
end
$$;
