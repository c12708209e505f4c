CREATE TABLE seat (
    seat_no int PRIMARY KEY,
    hold_no bigint
) WITH (fillfactor = 50);

-- Best available walks the free seats only.
CREATE INDEX seat_free ON seat (seat_no) WHERE hold_no IS NULL;

CREATE TABLE hold (
    hold_no bigint GENERATED ALWAYS AS IDENTITY (CACHE 64) PRIMARY KEY,
    key uuid NOT NULL UNIQUE,
    hash bigint NOT NULL,
    seats int[] NOT NULL,
    expires_at timestamptz NOT NULL,
    is_active boolean NOT NULL DEFAULT true
) WITH (fillfactor = 70);
CREATE INDEX hold_ends ON hold (expires_at) WHERE is_active;

-- verdict: 0 granted, 1 granted before, 2 taken, 3 the key came with another wish.
CREATE TYPE verdict AS (verdict int, hold_no bigint, seats int[]);

CREATE FUNCTION known(p_key uuid, p_hash bigint) RETURNS verdict LANGUAGE plpgsql AS $$
DECLARE found_no bigint; found_hash bigint; found_seats int[];
BEGIN
    SELECT h.hold_no, h.hash, h.seats INTO found_no, found_hash, found_seats
        FROM hold h WHERE h.key = p_key;
    IF found_no IS NULL THEN RETURN NULL; END IF;
    RETURN (CASE WHEN found_hash = p_hash THEN 1 ELSE 3 END, found_no, found_seats)::verdict;
END $$;

CREATE FUNCTION take(p_seats int[], p_key uuid, p_hash bigint, p_ttl interval)
RETURNS verdict LANGUAGE plpgsql AS $$
DECLARE new_no bigint;
BEGIN
    INSERT INTO hold (key, hash, seats, expires_at)
        VALUES (p_key, p_hash, p_seats, now() + p_ttl)
        ON CONFLICT (key) DO NOTHING RETURNING hold_no INTO new_no;
    -- The same request came over two connections at once.
    IF new_no IS NULL THEN RETURN known(p_key, p_hash); END IF;
    UPDATE seat SET hold_no = new_no WHERE seat_no = ANY (p_seats);
    RETURN (0, new_no, p_seats)::verdict;
END $$;

CREATE FUNCTION hold_seats(p_seats int[], p_key uuid, p_hash bigint, p_ttl interval)
RETURNS verdict LANGUAGE plpgsql AS $$
DECLARE seen verdict; taken bigint;
BEGIN
    seen := known(p_key, p_hash);
    IF seen.verdict IS NOT NULL THEN RETURN seen; END IF;
    -- Without a lock first: most refusals then cost no write at all.
    IF EXISTS (SELECT FROM seat WHERE seat_no = ANY (p_seats) AND hold_no IS NOT NULL) THEN
        RETURN (2, NULL, NULL)::verdict;
    END IF;
    -- Counted by a filter: a condition outside would be moved in, and free seats not be locked.
    SELECT count(*) FILTER (WHERE hold_no IS NOT NULL) INTO taken FROM (
        SELECT hold_no FROM seat WHERE seat_no = ANY (p_seats) ORDER BY seat_no FOR UPDATE
    ) locked;
    IF taken > 0 THEN RETURN (2, NULL, NULL)::verdict; END IF;
    RETURN take(p_seats, p_key, p_hash, p_ttl);
END $$;

CREATE FUNCTION hold_best(p_number int, p_key uuid, p_hash bigint, p_ttl interval)
RETURNS verdict LANGUAGE plpgsql AS $$
DECLARE seen verdict; best int[];
BEGIN
    seen := known(p_key, p_hash);
    IF seen.verdict IS NOT NULL THEN RETURN seen; END IF;
    SELECT array_agg(seat_no) INTO best FROM (
        SELECT seat_no FROM seat WHERE hold_no IS NULL
            ORDER BY seat_no LIMIT p_number FOR UPDATE SKIP LOCKED
    ) free;
    IF coalesce(cardinality(best), 0) < p_number THEN RETURN (2, NULL, NULL)::verdict; END IF;
    RETURN take(best, p_key, p_hash, p_ttl);
END $$;

CREATE FUNCTION release_hold(p_no bigint) RETURNS int[] LANGUAGE plpgsql AS $$
DECLARE ended int[];
BEGIN
    UPDATE hold SET is_active = false WHERE hold_no = p_no AND is_active RETURNING seats INTO ended;
    IF ended IS NULL THEN RETURN NULL; END IF;
    -- In the order of the seats, as they are taken.
    PERFORM FROM seat WHERE seat_no = ANY (ended) ORDER BY seat_no FOR UPDATE;
    UPDATE seat SET hold_no = NULL WHERE seat_no = ANY (ended) AND hold_no = p_no;
    RETURN ended;
END $$;
