-- Applications that sign with IAM credentials, what they need of the directory, and what tokens remember of them.

ALTER TABLE authorization_code ADD COLUMN application_arn TEXT;
ALTER TABLE authorization_code ADD COLUMN authenticated_at INTEGER;
ALTER TABLE authorization_code ADD COLUMN nonce TEXT;

ALTER TABLE token_family ADD COLUMN application_arn TEXT;
ALTER TABLE token_family ADD COLUMN parent_family_id INTEGER;
ALTER TABLE token_family ADD COLUMN authenticated_at INTEGER;
ALTER TABLE token_family ADD COLUMN nonce TEXT;

-- E-mail addresses are looked up as they are stored: in lower case.
UPDATE user_account SET email = lower(email);
CREATE INDEX user_account_by_email ON user_account (email);

CREATE TABLE rsa_key (
    key_id INTEGER PRIMARY KEY,
    wrapped_private_key BLOB NOT NULL
) STRICT;

CREATE TABLE directory_group (
    group_id TEXT PRIMARY KEY,
    display_name TEXT NOT NULL UNIQUE,
    description TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE group_membership (
    membership_id TEXT PRIMARY KEY,
    group_id TEXT NOT NULL,
    user_id TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX group_membership_by_group ON group_membership (group_id);
CREATE INDEX group_membership_by_user ON group_membership (user_id);

CREATE TABLE external_id (
    external_id TEXT PRIMARY KEY,
    issuer TEXT NOT NULL,
    user_id TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE trusted_token_issuer (
    trusted_token_issuer_arn TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    issuer_url TEXT NOT NULL,
    claim_attribute_path TEXT NOT NULL,
    identity_store_attribute_path TEXT NOT NULL,
    algorithms TEXT NOT NULL,
    status TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE application (
    application_arn TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    description TEXT NOT NULL,
    status TEXT NOT NULL,
    assignment_required INTEGER NOT NULL,
    grants TEXT NOT NULL,
    access_scopes TEXT NOT NULL,
    actor_policy TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE application_assignment (
    assignment_id TEXT PRIMARY KEY,
    application_arn TEXT NOT NULL,
    principal_type TEXT NOT NULL,
    principal_id TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX application_assignment_by_application ON application_assignment (application_arn);
CREATE INDEX application_assignment_by_principal ON application_assignment (principal_id);

CREATE TABLE access_key (
    access_key_id TEXT PRIMARY KEY,
    principal_arn TEXT NOT NULL,
    sealed_secret BLOB NOT NULL,
    status TEXT NOT NULL,
    description TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE used_assertion (
    assertion_digest BLOB PRIMARY KEY,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
