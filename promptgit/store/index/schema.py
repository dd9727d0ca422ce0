"""The tables of the index. There are no migrations: another SCHEMA means another index, built anew."""

SCHEMA = 15

TABLES = f"""
PRAGMA user_version = {SCHEMA};

-- Wherever a table has an author and a committer, the committer is NULL where that is the author.

-- The commit of `main` that the index reflects.
CREATE TABLE head (commit_id BLOB NOT NULL);

-- Prompts that live, and versions of all; to count the rows takes ten milliseconds for each hundred thousand.
CREATE TABLE totals (
    prompts INTEGER NOT NULL,
    versions INTEGER NOT NULL,
    releases INTEGER NOT NULL   -- the highest number that one ever had
);
INSERT INTO totals VALUES (0, 0, 0);

CREATE TABLE authors (
    key INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    email TEXT NOT NULL,
    UNIQUE (name, email)
);

CREATE TABLE prompts (
    key INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    folded TEXT NOT NULL,       -- the path as a file system that ignores case sees it
    versions INTEGER NOT NULL,  -- the newest one's number
    created INTEGER NOT NULL,
    altered BLOB,               -- the commit that renamed it or moved a label after the newest version
    removed INTEGER,            -- NULL: it lives; else the Nth of this name to be removed
    places INTEGER NOT NULL,    -- how many rows of `places` it has
    labels INTEGER NOT NULL,    -- the checksum of where its labels point; of a removed one 0
    updated INTEGER NOT NULL,   -- when the newest version was written, and by whom: compared with that version
    author INTEGER NOT NULL,
    seal INTEGER NOT NULL       -- `seal` is the checksum of a row, here and below; see seals.py
);
CREATE UNIQUE INDEX prompts_living ON prompts (name) WHERE removed IS NULL;
CREATE INDEX prompts_living_folded ON prompts (folded) WHERE removed IS NULL;
CREATE INDEX prompts_removed ON prompts (name, removed) WHERE removed IS NOT NULL;

CREATE TABLE versions (
    prompt INTEGER NOT NULL,
    number INTEGER NOT NULL,
    made INTEGER NOT NULL,      -- the number of its commit
    id TEXT NOT NULL,
    commit_id BLOB NOT NULL,
    blob BLOB NOT NULL,
    timestamp INTEGER NOT NULL,
    author INTEGER NOT NULL,
    committer INTEGER,
    description TEXT NOT NULL,
    json TEXT NOT NULL,         -- as the API shows it in a history, up to its labels
    json_seal INTEGER NOT NULL, -- the CRC-32 of that, begun with the number
    seal INTEGER NOT NULL,
    PRIMARY KEY (prompt, number)
) WITHOUT ROWID;

-- Where a prompt lies from the commit numbered `since` on: it was created, renamed, deleted or restored there.
CREATE TABLE places (
    prompt INTEGER NOT NULL,
    since INTEGER NOT NULL,
    place INTEGER NOT NULL,     -- 1, 2, 3, ...
    name TEXT NOT NULL,
    lives INTEGER NOT NULL,     -- 0: it was deleted, and had this name
    seal INTEGER NOT NULL,
    PRIMARY KEY (prompt, since)
) WITHOUT ROWID;
CREATE INDEX places_named ON places (name, since, lives);

-- Deletions, each after the version `after`.
CREATE TABLE removals (
    prompt INTEGER NOT NULL,
    after INTEGER NOT NULL,
    commit_id BLOB NOT NULL,
    timestamp INTEGER NOT NULL,
    author INTEGER NOT NULL,
    committer INTEGER,
    description TEXT NOT NULL,
    seal INTEGER NOT NULL,
    PRIMARY KEY (prompt, after)
) WITHOUT ROWID;

-- The files of labels, as they lie in the tree of `main`.
CREATE TABLE labels (
    name TEXT NOT NULL,         -- of the prompt, which need not be there
    label TEXT NOT NULL,
    number INTEGER,             -- NULL: it is no label, or its file holds no number
    blob BLOB NOT NULL,
    seal INTEGER NOT NULL,
    PRIMARY KEY (name, label)
) WITHOUT ROWID;
CREATE INDEX labels_by_label ON labels (label, name);

-- Where the labels of prompts pointed, and since when.
CREATE TABLE label_moves (
    prompt INTEGER NOT NULL,
    label TEXT NOT NULL,
    made INTEGER NOT NULL,      -- the number of its commit
    move INTEGER NOT NULL,      -- 1, 2, 3, ...
    number INTEGER,             -- NULL: it was removed
    before INTEGER,             -- where it pointed before this, if anywhere
    outside INTEGER NOT NULL,   -- 1: it was gated, and moved without a release
    commit_id BLOB NOT NULL,
    timestamp INTEGER NOT NULL,
    author INTEGER NOT NULL,
    committer INTEGER,
    description TEXT NOT NULL,
    seal INTEGER NOT NULL,
    PRIMARY KEY (prompt, label, made)
) WITHOUT ROWID;

-- The first-parent history of `main`, numbered from 1. Nearly all commits make one version and do nothing else: that is
-- told here, and the rest of it in `versions`. What others did is in `changes`, and the rest of it here.
CREATE TABLE commits (
    number INTEGER PRIMARY KEY,
    id BLOB NOT NULL,
    prompt INTEGER,
    version INTEGER,
    timestamp INTEGER,
    author INTEGER,
    committer INTEGER,
    description TEXT,
    changes INTEGER NOT NULL,   -- how many rows of `changes` it has
    stored INTEGER NOT NULL,    -- the committer's date
    seal INTEGER NOT NULL
);
CREATE TABLE changes (
    made INTEGER NOT NULL,      -- the number of its commit
    place INTEGER NOT NULL,     -- 0, 1, 2, ... within it
    type TEXT NOT NULL,         -- version, label, rename, delete, restore, check, release or rules
    prompt INTEGER,             -- NULL: of a release, or the rules
    name TEXT,                  -- of the prompt, after this
    other TEXT,                 -- the label, the name before, or the check
    before INTEGER,             -- where the label pointed
    number INTEGER,             -- of the version, or of the release; or where the label points
    detail TEXT,                -- a check's state, what was done with a release, or that a label's move is outside
    seal INTEGER NOT NULL,
    PRIMARY KEY (made, place)
) WITHOUT ROWID;

-- Which commit is the last one stored at a date or before it: the commit of the row with the latest date up to then.
-- Dates may go back and forth: a commit has a row while all commits after it were stored later.
CREATE TABLE dates (
    stored INTEGER PRIMARY KEY,
    number INTEGER NOT NULL,
    before INTEGER NOT NULL,    -- the number of the commit in the row before; 0: there is none
    seal INTEGER NOT NULL
);

-- What each commit did, in order. A join, because SQLite would sort a union.
CREATE VIEW feed AS
SELECT m.number AS made, c.place, coalesce(c.type, 'version') AS type, coalesce(c.prompt, m.prompt) AS prompt,
    coalesce(c.name, (
        SELECT name FROM places WHERE prompt = m.prompt AND since <= m.number ORDER BY since DESC LIMIT 1
    )) AS name, c.other, c.before, coalesce(c.number, m.version) AS number, c.detail
FROM commits m LEFT JOIN changes c ON c.made = m.number WHERE c.made IS NOT NULL OR m.prompt IS NOT NULL;

-- What CIs say about versions.
CREATE TABLE checks (
    version TEXT NOT NULL,      -- its id, as the path of the file has it
    name TEXT NOT NULL,
    prompt INTEGER,             -- NULL: the file says nothing, or of another version than its path
    number INTEGER,
    state TEXT,
    summary TEXT,
    url TEXT,
    commit_id BLOB NOT NULL,
    timestamp INTEGER NOT NULL,
    author INTEGER NOT NULL,
    committer INTEGER,
    seal INTEGER NOT NULL,
    PRIMARY KEY (version, name)
) WITHOUT ROWID;

CREATE INDEX checks_of ON checks (prompt, number, name);

-- What `rules.toml` holds (NULL: it cannot be read, or is too large), and which commit changed it. While there is no
-- such file, the row has neither.
CREATE TABLE rules (content BLOB, commit_id BLOB, seal INTEGER NOT NULL);

-- Releases, as their files tell of them.
CREATE TABLE releases (
    number INTEGER PRIMARY KEY,
    label TEXT NOT NULL,        -- '' if its file says nothing that can be understood
    state TEXT NOT NULL,
    content BLOB NOT NULL,
    opened INTEGER NOT NULL,    -- the number of the commit that opened it
    commit_id BLOB NOT NULL,    -- the last one that changed it
    seal INTEGER NOT NULL
);
CREATE INDEX releases_state ON releases (state, number);
CREATE TABLE release_items (
    number INTEGER NOT NULL,    -- of the release
    place INTEGER NOT NULL,
    prompt_id TEXT NOT NULL,
    before INTEGER,
    target INTEGER,
    version TEXT,               -- the id of version `target`
    PRIMARY KEY (number, place)
) WITHOUT ROWID;
CREATE INDEX release_items_prompt ON release_items (prompt_id, number);

-- Which commit each request with a key has made: those of the last 24 hours, and perhaps older ones.
CREATE TABLE requests (key BLOB PRIMARY KEY, commit_id BLOB NOT NULL) WITHOUT ROWID;

-- Names and newest contents; brought up to date when somebody searches.
CREATE VIRTUAL TABLE search USING fts5 (name, content, tokenize = 'trigram');
CREATE TABLE unsearched (prompt INTEGER PRIMARY KEY);

-- The tags in the newest files of prompts that live; brought up to date with `search`.
CREATE TABLE tags (tag TEXT NOT NULL, prompt INTEGER NOT NULL, PRIMARY KEY (tag, prompt)) WITHOUT ROWID;
CREATE INDEX tags_prompt ON tags (prompt);

-- What the newest and the labelled versions of prompts that live refer to; those in `unreferred` are taken in when
-- somebody asks.
CREATE TABLE refers (
    prompt INTEGER NOT NULL,
    number INTEGER NOT NULL,    -- the version whose text has the reference
    name TEXT NOT NULL,         -- to which prompt, which need not be there; `version` or `label`, and which one
    kind TEXT NOT NULL,
    which TEXT NOT NULL,
    PRIMARY KEY (prompt, number, name, kind, which)
) WITHOUT ROWID;
CREATE INDEX refers_name ON refers (name);
CREATE TABLE unreferred (prompt INTEGER PRIMARY KEY);
"""

# Made once the rows are in, which takes a third of the time.
INDEXES = """
-- Which versions have the same content.
CREATE INDEX versions_blob ON versions (prompt, blob);
CREATE INDEX versions_made ON versions (prompt, made);
CREATE UNIQUE INDEX commits_id ON commits (id);
-- Lists by change; with the author, so that a filter by author looks at the index alone.
CREATE INDEX prompts_updated ON prompts (updated DESC, name, author) WHERE removed IS NULL;

-- Whose commits they are, what they did in addition to one version, and to which prompts: filters of the activity.
CREATE INDEX authors_name ON authors (name COLLATE NOCASE);
CREATE INDEX authors_email ON authors (email COLLATE NOCASE);
CREATE INDEX versions_author ON versions (author, made);
CREATE INDEX versions_committer ON versions (committer, made) WHERE committer IS NOT NULL;
CREATE INDEX commits_author ON commits (author, number) WHERE author IS NOT NULL;
CREATE INDEX commits_committer ON commits (committer, number) WHERE committer IS NOT NULL;
CREATE INDEX changes_type ON changes (type, made);
CREATE INDEX changes_prompt ON changes (prompt, made) WHERE prompt IS NOT NULL;

-- Twins of the indexes that names and ids are looked up in: what one does not find, and every page of a list, is looked
-- up in the other, too, for a damaged index finds too little without any error. SQLite takes them only where a query
-- says the condition that is true of all rows.
CREATE INDEX prompts_id_twin ON prompts (id) WHERE key > 0;
CREATE INDEX prompts_living_twin ON prompts (name) WHERE removed IS NULL AND key > 0;
CREATE INDEX prompts_folded_twin ON prompts (folded) WHERE removed IS NULL AND key > 0;
CREATE INDEX prompts_updated_twin ON prompts (updated DESC, name, author) WHERE removed IS NULL AND key > 0;
CREATE INDEX prompts_removed_twin ON prompts (name, removed) WHERE removed IS NOT NULL AND key > 0;
CREATE INDEX places_named_twin ON places (name, since, lives) WHERE since > 0;
CREATE INDEX places_twin ON places (prompt, since) WHERE since > 0;
CREATE INDEX label_moves_twin ON label_moves (prompt, label, made, number) WHERE made > 0;
CREATE INDEX commits_id_twin ON commits (id) WHERE number > 0;
CREATE INDEX labels_by_label_twin ON labels (label, name) WHERE label > '';
CREATE INDEX requests_key_twin ON requests (key) WHERE key > x'';
"""
