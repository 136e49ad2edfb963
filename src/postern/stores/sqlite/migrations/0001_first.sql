-- Keys of the hot tables are numbers that grow with time (postern.core.row_ids): rows append, and a rotation updates one row in place.

CREATE TABLE instance (
    instance_id TEXT PRIMARY KEY,
    identity_store_id TEXT NOT NULL,
    owner_account_id TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE ring_key (
    key_id INTEGER PRIMARY KEY,
    wrapped_secret BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    activates_at INTEGER NOT NULL
) STRICT;

CREATE TABLE user_account (
    user_id TEXT PRIMARY KEY,
    user_name TEXT NOT NULL,
    canonical_name TEXT NOT NULL UNIQUE,
    display_name TEXT NOT NULL,
    email TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    status TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE revoked_client (
    client_digest BLOB PRIMARY KEY,
    revoked_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE device_authorization (
    authorization_id INTEGER PRIMARY KEY,
    user_code_digest BLOB NOT NULL UNIQUE,
    client_digest BLOB NOT NULL,
    client_name TEXT NOT NULL,
    scopes TEXT NOT NULL,
    issues_refresh_token INTEGER NOT NULL,
    requester_address TEXT NOT NULL,
    requester_agent TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    status TEXT NOT NULL,
    user_id TEXT,
    decided_at INTEGER,
    approver_address TEXT,
    family_id INTEGER,
    redeemed_at INTEGER
) STRICT;

CREATE TABLE authorization_code (
    code_id INTEGER PRIMARY KEY,
    client_digest BLOB NOT NULL,
    client_name TEXT NOT NULL,
    user_id TEXT NOT NULL,
    scopes TEXT NOT NULL,
    issues_refresh_token INTEGER NOT NULL,
    redirect_uri TEXT NOT NULL,
    code_challenge TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    failed_verifiers INTEGER NOT NULL,
    family_id INTEGER,
    redeemed_at INTEGER
) STRICT;

CREATE TABLE token_family (
    family_id INTEGER PRIMARY KEY,
    key_id INTEGER NOT NULL,
    user_id TEXT NOT NULL,
    client_digest BLOB NOT NULL,
    client_name TEXT NOT NULL,
    scopes TEXT NOT NULL,
    issues_refresh_token INTEGER NOT NULL,
    grant_type TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    rotated_at INTEGER NOT NULL,
    access_expires_at INTEGER NOT NULL,
    idle_expires_at INTEGER NOT NULL,
    revoked_at INTEGER,
    revocation_reason TEXT
) STRICT;

CREATE INDEX token_family_by_user ON token_family (user_id, family_id);

CREATE TABLE browser_session (
    session_digest BLOB PRIMARY KEY,
    user_id TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX browser_session_by_user ON browser_session (user_id);

CREATE TABLE attempts (
    counter_digest BLOB PRIMARY KEY,
    failures INTEGER NOT NULL,
    last_failure_at INTEGER NOT NULL,
    blocked_until INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
