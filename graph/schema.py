"""The tables of the fold state. Instants and positions are integers; an open interval ends at 2**62.

What is *said* (says, run_event, declaration, rename) is only ever added to. What is *derived* (piece, governs,
edge, member) is bitemporal: a row holds over [valid_from, valid_to) and was known over [known_from, known_to).
`entity`, `slot`, `overflow`, `run_now` hold the present alone.
"""

SCHEMA_VERSION = 4

TABLES = (
    "meta", "node", "facet_value", "facet_set", "says", "slot", "overflow", "content", "run_event", "run_now",
    "declaration", "job_name", "edge_set", "piece", "governs", "edge", "rename", "symlink_of", "occupancy", "member",
    "entity", "entity_search", "related", "change",
)  # fmt: skip

SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;

-- A name in one occupancy; `name_id` is the id of the name's first node. A column's parent is its dataset's node.
CREATE TABLE IF NOT EXISTS node (
    id INTEGER PRIMARY KEY, kind TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL, path TEXT NOT NULL,
    parent INTEGER NOT NULL, began INTEGER NOT NULL, name_id INTEGER NOT NULL, first_at INTEGER NOT NULL,
    first_position INTEGER NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS node_key ON node (name, kind, namespace, path, parent, began);
CREATE INDEX IF NOT EXISTS node_parent ON node (parent) WHERE parent > 0;
CREATE INDEX IF NOT EXISTS node_name ON node (name_id) WHERE name_id <> id;

CREATE TABLE IF NOT EXISTS facet_value (id INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS facet_set (id INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE, body BLOB NOT NULL);

CREATE TABLE IF NOT EXISTS says (
    name_id INTEGER NOT NULL, at INTEGER NOT NULL, position INTEGER NOT NULL, role INTEGER NOT NULL,
    rank INTEGER NOT NULL, set_id INTEGER NOT NULL, PRIMARY KEY (name_id, at, position, role, set_id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS slot (
    name_id INTEGER NOT NULL, set_id INTEGER NOT NULL, role INTEGER NOT NULL, rank INTEGER NOT NULL,
    at INTEGER NOT NULL, PRIMARY KEY (name_id, set_id, role)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS overflow (
    name_id INTEGER NOT NULL, key TEXT NOT NULL, rank INTEGER NOT NULL, at INTEGER NOT NULL, tie INTEGER NOT NULL,
    digest BLOB NOT NULL, value BLOB, value_id INTEGER, PRIMARY KEY (name_id, key)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS content (id INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS run_event (
    run_id INTEGER NOT NULL, job_id INTEGER NOT NULL, at INTEGER NOT NULL, position INTEGER NOT NULL,
    digest BLOB NOT NULL, type TEXT NOT NULL, streaming INTEGER NOT NULL, content_id INTEGER NOT NULL,
    PRIMARY KEY (run_id, job_id, at, position)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS run_now (
    run_id INTEGER PRIMARY KEY, job_id INTEGER NOT NULL, state TEXT NOT NULL, started_at INTEGER NOT NULL,
    ended_at INTEGER
);
CREATE INDEX IF NOT EXISTS run_now_job ON run_now (job_id, started_at);
CREATE INDEX IF NOT EXISTS run_now_state ON run_now (state, started_at);
CREATE TABLE IF NOT EXISTS declaration (
    id INTEGER PRIMARY KEY, job_id INTEGER NOT NULL, at INTEGER NOT NULL, position INTEGER NOT NULL,
    digest BLOB NOT NULL, rank INTEGER NOT NULL, register INTEGER NOT NULL, content_id INTEGER
);
CREATE INDEX IF NOT EXISTS declaration_job ON declaration (job_id);
CREATE TABLE IF NOT EXISTS job_name (
    name_id INTEGER NOT NULL, job_id INTEGER NOT NULL, PRIMARY KEY (name_id, job_id)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS edge_set (id INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS piece (
    id INTEGER PRIMARY KEY, job_id INTEGER NOT NULL, saying INTEGER NOT NULL, rank INTEGER NOT NULL,
    tie TEXT NOT NULL, valid_from INTEGER NOT NULL, valid_to INTEGER NOT NULL, set_id INTEGER NOT NULL,
    effect INTEGER, start INTEGER NOT NULL, known_from INTEGER NOT NULL, known_to INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS piece_saying ON piece (saying, job_id);
CREATE INDEX IF NOT EXISTS piece_effect ON piece (job_id, rank, effect, start, tie, valid_from)
    WHERE known_to = 4611686018427387904 AND effect IS NOT NULL;
CREATE INDEX IF NOT EXISTS piece_pending ON piece (job_id, start, tie, valid_from)
    WHERE known_to = 4611686018427387904 AND effect IS NULL;
CREATE INDEX IF NOT EXISTS piece_ending ON piece (job_id, valid_to)
    WHERE saying < 0 AND valid_to < 4611686018427387904 AND known_to = 4611686018427387904;
CREATE INDEX IF NOT EXISTS piece_from ON piece (job_id, valid_from);
CREATE TABLE IF NOT EXISTS governs (
    job_id INTEGER NOT NULL, valid_from INTEGER NOT NULL, known_from INTEGER NOT NULL, known_to INTEGER NOT NULL,
    saying INTEGER NOT NULL, set_id INTEGER NOT NULL, PRIMARY KEY (job_id, valid_from, known_from)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS edge (
    id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, job_id INTEGER NOT NULL, source INTEGER NOT NULL,
    target INTEGER NOT NULL, detail BLOB, valid_from INTEGER NOT NULL, valid_to INTEGER NOT NULL,
    known_from INTEGER NOT NULL, known_to INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS edge_source ON edge (source, kind);
CREATE INDEX IF NOT EXISTS edge_target ON edge (target, kind);
CREATE INDEX IF NOT EXISTS edge_job ON edge (job_id, valid_to) WHERE known_to = 4611686018427387904;
CREATE INDEX IF NOT EXISTS edge_closed ON edge (known_to) WHERE known_to < 4611686018427387904;

CREATE TABLE IF NOT EXISTS rename (
    at INTEGER NOT NULL, position INTEGER NOT NULL, digest BLOB NOT NULL, source INTEGER NOT NULL,
    target INTEGER NOT NULL, PRIMARY KEY (source, target, at, position)
) WITHOUT ROWID;
-- Names that a symlinks facet or a rename ever joined; both directions.
CREATE TABLE IF NOT EXISTS symlink_of (
    name_id INTEGER NOT NULL, other INTEGER NOT NULL, type TEXT, PRIMARY KEY (name_id, other)
) WITHOUT ROWID;
-- `origin` is the node the entity began as, before it was renamed to here.
CREATE TABLE IF NOT EXISTS occupancy (
    name_id INTEGER NOT NULL, began INTEGER NOT NULL, ended INTEGER NOT NULL, node INTEGER NOT NULL,
    origin INTEGER NOT NULL, known_from INTEGER NOT NULL, known_to INTEGER NOT NULL,
    PRIMARY KEY (name_id, began, ended, known_from)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS member (
    node INTEGER NOT NULL, entity INTEGER NOT NULL, valid_from INTEGER NOT NULL, valid_to INTEGER NOT NULL,
    known_from INTEGER NOT NULL, known_to INTEGER NOT NULL,
    PRIMARY KEY (node, valid_from, valid_to, entity, known_from)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS member_entity ON member (entity);

-- The present, one row an entity (columns are read from their dataset): what lists, filters and searches need.
-- `touched` is the position at which it was last spoken of: what a projection of the present looks for.
CREATE TABLE IF NOT EXISTS entity (
    id INTEGER PRIMARY KEY, kind TEXT NOT NULL, type TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL,
    description TEXT, tags TEXT, owners TEXT, attributes TEXT, dropped INTEGER NOT NULL,
    created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, touched INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS entity_type ON entity (type, name, namespace, id);
CREATE INDEX IF NOT EXISTS entity_updated ON entity (type, updated_at);
CREATE INDEX IF NOT EXISTS entity_touched ON entity (touched) WHERE kind <> 'run';
CREATE INDEX IF NOT EXISTS entity_touched_run ON entity (touched) WHERE kind = 'run';
-- In lower case.
CREATE VIRTUAL TABLE IF NOT EXISTS entity_search USING fts5 (
    name, namespace, description, tokenize = 'trigram'
);

-- Who ever named a target (a name, or a column's node) in a relation's register; only ever added to. Whether it does as
-- of some instant, the register in force then tells.
CREATE TABLE IF NOT EXISTS related (
    target INTEGER NOT NULL, relation TEXT NOT NULL, source INTEGER NOT NULL,
    PRIMARY KEY (target, relation, source)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS change (
    position INTEGER NOT NULL, ordinal INTEGER NOT NULL, what TEXT NOT NULL, urn TEXT NOT NULL,
    valid_at INTEGER NOT NULL, other TEXT, kind TEXT, fields TEXT, PRIMARY KEY (position, ordinal)
) WITHOUT ROWID;
"""
