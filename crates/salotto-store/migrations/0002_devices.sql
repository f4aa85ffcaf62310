-- Devices of accounts, which sign in by a token instead of the password.
--
-- A binary that knows only the first form refuses this one: it would let devices that are revoked later come back.

CREATE TABLE devices (
    id INTEGER PRIMARY KEY,
    account INTEGER NOT NULL,
    -- BLAKE3 of the token; the token itself is nowhere.
    token BLOB NOT NULL UNIQUE,
    made INTEGER NOT NULL,
    -- The beginning of the day, UTC, on which it last signed in.
    used INTEGER NOT NULL,
    -- What its client calls it.
    about TEXT NOT NULL
) STRICT;
