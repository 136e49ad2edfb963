-- Keys of the hot tables are numbers that grow with time (postern.core.row_ids): on one machine rows append, and a rotation updates one row
-- in place, without touching an index. docs/scaling.md says what distributed engines want instead.

CREATE TABLE IF NOT EXISTS instance (
    instance_id TEXT PRIMARY KEY,
    identity_store_id TEXT NOT NULL UNIQUE,
    owner_account_id TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    name TEXT NOT NULL UNIQUE,
    start_url_aliases TEXT NOT NULL,
    is_primary BOOLEAN NOT NULL
);

CREATE TABLE IF NOT EXISTS ring_key (
    key_id BIGINT PRIMARY KEY,
    wrapped_secret BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    activates_at BIGINT NOT NULL
);

CREATE TABLE IF NOT EXISTS rsa_key (
    key_id BIGINT PRIMARY KEY,
    wrapped_private_key BYTEA NOT NULL
);

CREATE TABLE IF NOT EXISTS user_account (
    user_id TEXT PRIMARY KEY,
    instance_id TEXT NOT NULL,
    user_name TEXT NOT NULL,
    canonical_name TEXT NOT NULL,
    display_name TEXT NOT NULL,
    email TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    status TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    given_name TEXT NOT NULL,
    family_name TEXT NOT NULL,
    UNIQUE (instance_id, canonical_name)
);

CREATE INDEX IF NOT EXISTS user_account_by_email ON user_account (email);

CREATE TABLE IF NOT EXISTS revoked_client (
    client_digest BYTEA PRIMARY KEY,
    revoked_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE TABLE IF NOT EXISTS device_authorization (
    authorization_id BIGINT PRIMARY KEY,
    user_code_digest BYTEA NOT NULL UNIQUE,
    client_digest BYTEA NOT NULL,
    client_name TEXT NOT NULL,
    scopes TEXT NOT NULL,
    issues_refresh_token BOOLEAN NOT NULL,
    requester_address TEXT NOT NULL,
    requester_agent TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    status TEXT NOT NULL,
    user_id TEXT,
    decided_at BIGINT,
    approver_address TEXT,
    family_id BIGINT,
    redeemed_at BIGINT,
    instance_id TEXT NOT NULL
);

CREATE TABLE IF NOT EXISTS authorization_code (
    code_id BIGINT PRIMARY KEY,
    client_digest BYTEA NOT NULL,
    client_name TEXT NOT NULL,
    user_id TEXT NOT NULL,
    scopes TEXT NOT NULL,
    issues_refresh_token BOOLEAN NOT NULL,
    redirect_uri TEXT NOT NULL,
    code_challenge TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    failed_verifiers BIGINT NOT NULL,
    family_id BIGINT,
    redeemed_at BIGINT,
    application_arn TEXT,
    authenticated_at BIGINT,
    nonce TEXT
);

CREATE TABLE IF NOT EXISTS token_family (
    family_id BIGINT PRIMARY KEY,
    key_id BIGINT NOT NULL,
    user_id TEXT NOT NULL,
    client_digest BYTEA NOT NULL,
    client_name TEXT NOT NULL,
    scopes TEXT NOT NULL,
    issues_refresh_token BOOLEAN NOT NULL,
    grant_type TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    generation BIGINT NOT NULL,
    rotated_at BIGINT NOT NULL,
    access_expires_at BIGINT NOT NULL,
    idle_expires_at BIGINT NOT NULL,
    revoked_at BIGINT,
    revocation_reason TEXT,
    application_arn TEXT,
    parent_family_id BIGINT,
    authenticated_at BIGINT,
    nonce TEXT
);

CREATE INDEX IF NOT EXISTS token_family_by_user ON token_family (user_id, family_id);

CREATE TABLE IF NOT EXISTS browser_session (
    session_digest BYTEA PRIMARY KEY,
    user_id TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE INDEX IF NOT EXISTS browser_session_by_user ON browser_session (user_id);

CREATE TABLE IF NOT EXISTS attempts (
    counter_digest BYTEA PRIMARY KEY,
    failures BIGINT NOT NULL,
    last_failure_at BIGINT NOT NULL,
    blocked_until BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE TABLE IF NOT EXISTS used_assertion (
    assertion_digest BYTEA PRIMARY KEY,
    expires_at BIGINT NOT NULL
);

CREATE TABLE IF NOT EXISTS directory_group (
    group_id TEXT PRIMARY KEY,
    instance_id TEXT NOT NULL,
    display_name TEXT NOT NULL,
    description TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (instance_id, display_name)
);

CREATE TABLE IF NOT EXISTS group_membership (
    membership_id TEXT PRIMARY KEY,
    group_id TEXT NOT NULL,
    user_id TEXT NOT NULL
);

CREATE INDEX IF NOT EXISTS group_membership_by_group ON group_membership (group_id);
CREATE INDEX IF NOT EXISTS group_membership_by_user ON group_membership (user_id);

CREATE TABLE IF NOT EXISTS external_id (
    external_id TEXT PRIMARY KEY,
    issuer TEXT NOT NULL,
    user_id TEXT NOT NULL
);

CREATE INDEX IF NOT EXISTS external_id_by_user ON external_id (user_id);

CREATE TABLE IF NOT EXISTS trusted_token_issuer (
    trusted_token_issuer_arn TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    issuer_url TEXT NOT NULL,
    claim_attribute_path TEXT NOT NULL,
    identity_store_attribute_path TEXT NOT NULL,
    algorithms TEXT NOT NULL,
    status TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE IF NOT EXISTS application (
    application_arn TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    description TEXT NOT NULL,
    status TEXT NOT NULL,
    assignment_required BOOLEAN NOT NULL,
    grants TEXT NOT NULL,
    access_scopes TEXT NOT NULL,
    actor_policy TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE IF NOT EXISTS application_assignment (
    assignment_id TEXT PRIMARY KEY,
    application_arn TEXT NOT NULL,
    principal_type TEXT NOT NULL,
    principal_id TEXT NOT NULL
);

CREATE INDEX IF NOT EXISTS application_assignment_by_application ON application_assignment (application_arn);
CREATE INDEX IF NOT EXISTS application_assignment_by_principal ON application_assignment (principal_id);

CREATE TABLE IF NOT EXISTS access_key (
    access_key_id TEXT PRIMARY KEY,
    principal_arn TEXT NOT NULL,
    sealed_secret BYTEA NOT NULL,
    status TEXT NOT NULL,
    description TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE IF NOT EXISTS account (
    account_key TEXT PRIMARY KEY,
    instance_id TEXT NOT NULL,
    account_id TEXT NOT NULL,
    name TEXT NOT NULL,
    email TEXT NOT NULL,
    credential_source TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE IF NOT EXISTS permission_set (
    permission_set_arn TEXT PRIMARY KEY,
    instance_id TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    session_duration BIGINT NOT NULL,
    relay_state TEXT NOT NULL,
    credential_source TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (instance_id, name)
);

CREATE TABLE IF NOT EXISTS account_assignment (
    assignment_id TEXT PRIMARY KEY,
    instance_id TEXT NOT NULL,
    account_id TEXT NOT NULL,
    permission_set_arn TEXT NOT NULL,
    principal_type TEXT NOT NULL,
    principal_id TEXT NOT NULL
);

CREATE INDEX IF NOT EXISTS account_assignment_by_principal ON account_assignment (principal_id, principal_type, account_id);
CREATE INDEX IF NOT EXISTS account_assignment_by_account ON account_assignment (account_id);
CREATE INDEX IF NOT EXISTS account_assignment_by_permission_set ON account_assignment (permission_set_arn);

CREATE TABLE IF NOT EXISTS credential_source (
    name TEXT PRIMARY KEY,
    description TEXT NOT NULL,
    options TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

-- Its one row is locked by a change that must be alone among its kind.
CREATE TABLE IF NOT EXISTS configuration_gate (
    gate TEXT PRIMARY KEY
);

INSERT INTO configuration_gate (gate) VALUES ('configuration') ON CONFLICT DO NOTHING;
