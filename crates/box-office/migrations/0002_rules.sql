-- The finer terms of a sale, and its codes, as organisers write them.

alter table office.event
    -- {"guests","hold_budget","extension","fee","offer_ttl_s","waitlist_ttl_s","accessible_public_at_ms"}
    add column rules jsonb not null default '{}' check (jsonb_typeof(rules) = 'object'),
    -- [{"code","kind","per_seat_minor","basis_points","from_ms","until_ms","tiers","seats_max","budget_minor"}]
    add column codes jsonb not null default '[]' check (jsonb_typeof(codes) = 'array');
