-- The first form of the store.
--
-- Numbers that SQLite keeps signed never use the sign; times are milliseconds since the Unix epoch, UTC.
-- A binary that knows only an earlier form refuses this one: see migration.rs.

-- Small things that must outlast a restart and are nobody's record, such as the key that hides addresses.
CREATE TABLE meta (
    key TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- One row: the last command whose records are all here.
CREATE TABLE head (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    seq INTEGER NOT NULL,
    at INTEGER NOT NULL
) STRICT;
INSERT INTO head (id, seq, at) VALUES (1, 0, 0);

CREATE TABLE rooms (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    created INTEGER NOT NULL,
    -- The three are NULL together: no topic.
    topic TEXT,
    topic_by TEXT,
    topic_at INTEGER,
    -- A sum of bits, see room.rs.
    flags INTEGER NOT NULL,
    key TEXT,
    people_max INTEGER,
    established INTEGER NOT NULL,
    -- Gone for good; the row stays so that its posts can be told whose they were.
    retired INTEGER NOT NULL
) STRICT;

CREATE TABLE bans (
    room INTEGER NOT NULL,
    -- Bans are listed in the order in which they were set.
    place INTEGER NOT NULL,
    mask TEXT NOT NULL,
    set_by TEXT NOT NULL,
    set_at INTEGER NOT NULL,
    PRIMARY KEY (room, place)
) STRICT, WITHOUT ROWID;

-- Roles that accounts keep while they are out of the room.
CREATE TABLE roles (
    room INTEGER NOT NULL,
    account INTEGER NOT NULL,
    -- A sum of bits, see room.rs.
    roles INTEGER NOT NULL,
    PRIMARY KEY (room, account)
) STRICT, WITHOUT ROWID;

CREATE TABLE accounts (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    -- The form under which names are compared.
    name_key TEXT NOT NULL UNIQUE,
    created INTEGER NOT NULL,
    -- The password's hash in PHC form.
    verifier TEXT NOT NULL
) STRICT;

CREATE TABLE memberships (
    account INTEGER NOT NULL,
    room INTEGER NOT NULL,
    PRIMARY KEY (account, room)
) STRICT, WITHOUT ROWID;
CREATE INDEX memberships_room ON memberships (room);

CREATE TABLE markers (
    account INTEGER NOT NULL,
    target TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (account, target)
) STRICT, WITHOUT ROWID;

-- What was said. `at` never falls while `seq` rises, so the primary key is the index of time, too.
CREATE TABLE posts (
    seq INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    -- Either the room, or the two accounts, the smaller number first.
    room INTEGER,
    low INTEGER,
    high INTEGER,
    -- PRIVMSG 1, NOTICE 2.
    kind INTEGER NOT NULL,
    nick TEXT NOT NULL,
    address TEXT NOT NULL,
    account TEXT,
    -- The name of the person it was said to; empty in a room.
    recipient TEXT NOT NULL,
    body TEXT NOT NULL,
    tags TEXT NOT NULL,
    token TEXT,
    -- The first eight bytes of BLAKE3 over all columns above, see post.rs.
    checksum INTEGER NOT NULL,
    CHECK ((room IS NULL) = (low IS NOT NULL AND high IS NOT NULL))
) STRICT;
-- Every index ends in the primary key by itself, so these are (room, seq) and (low, high, seq).
CREATE INDEX posts_room ON posts (room) WHERE room IS NOT NULL;
CREATE INDEX posts_direct ON posts (low, high) WHERE low IS NOT NULL;
-- Start-up looks for the latest tokens, and must not read the posts that have none.
CREATE INDEX posts_token ON posts (seq) WHERE token IS NOT NULL;

-- Which accounts have talked to each other: the first and the last post of theirs that is kept.
CREATE TABLE directs (
    low INTEGER NOT NULL,
    high INTEGER NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    PRIMARY KEY (low, high)
) STRICT, WITHOUT ROWID;
CREATE INDEX directs_high ON directs (high);
CREATE INDEX directs_first ON directs (first);
