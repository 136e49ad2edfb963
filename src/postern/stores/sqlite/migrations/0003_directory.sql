-- Several instances, what each has, and who may be what where.

-- People that were added before a server ran had no instance; they get one here.
INSERT INTO instance (instance_id, identity_store_id, owner_account_id, created_at)
    SELECT 'ssoins-' || lower(hex(randomblob(8))),
           'd-' || lower(hex(randomblob(5))),
           printf('%012d', abs(random() % 1000000000000)),
           CAST(strftime('%s', 'now') AS INTEGER)
    WHERE NOT EXISTS (SELECT 1 FROM instance)
      AND (EXISTS (SELECT 1 FROM user_account) OR EXISTS (SELECT 1 FROM directory_group));

CREATE TABLE new_instance (
    instance_id TEXT PRIMARY KEY,
    identity_store_id TEXT NOT NULL UNIQUE,
    owner_account_id TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    name TEXT NOT NULL UNIQUE,
    start_url_aliases TEXT NOT NULL,
    is_primary INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO new_instance
    SELECT instance_id, identity_store_id, owner_account_id, created_at, 'primary', '', 1 FROM instance;
DROP TABLE instance;
ALTER TABLE new_instance RENAME TO instance;

CREATE TABLE new_user_account (
    user_id TEXT PRIMARY KEY,
    instance_id TEXT NOT NULL,
    user_name TEXT NOT NULL,
    canonical_name TEXT NOT NULL,
    display_name TEXT NOT NULL,
    email TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    status TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    given_name TEXT NOT NULL,
    family_name TEXT NOT NULL,
    UNIQUE (instance_id, canonical_name)
) STRICT, WITHOUT ROWID;

INSERT INTO new_user_account
    SELECT user_id, (SELECT instance_id FROM instance), user_name, canonical_name, display_name, email, password_hash,
           status, created_at, '', ''
    FROM user_account;
DROP TABLE user_account;
ALTER TABLE new_user_account RENAME TO user_account;
CREATE INDEX user_account_by_email ON user_account (email);

CREATE TABLE new_directory_group (
    group_id TEXT PRIMARY KEY,
    instance_id TEXT NOT NULL,
    display_name TEXT NOT NULL,
    description TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (instance_id, display_name)
) STRICT, WITHOUT ROWID;

INSERT INTO new_directory_group
    SELECT group_id, (SELECT instance_id FROM instance), display_name, description, created_at FROM directory_group;
DROP TABLE directory_group;
ALTER TABLE new_directory_group RENAME TO directory_group;

CREATE INDEX external_id_by_user ON external_id (user_id);

ALTER TABLE device_authorization ADD COLUMN instance_id TEXT NOT NULL DEFAULT '';
UPDATE device_authorization SET instance_id = (SELECT instance_id FROM instance) WHERE EXISTS (SELECT 1 FROM instance);

CREATE TABLE account (
    account_key TEXT PRIMARY KEY,
    instance_id TEXT NOT NULL,
    account_id TEXT NOT NULL,
    name TEXT NOT NULL,
    email TEXT NOT NULL,
    credential_source TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE permission_set (
    permission_set_arn TEXT PRIMARY KEY,
    instance_id TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    session_duration INTEGER NOT NULL,
    relay_state TEXT NOT NULL,
    credential_source TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (instance_id, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE account_assignment (
    assignment_id TEXT PRIMARY KEY,
    instance_id TEXT NOT NULL,
    account_id TEXT NOT NULL,
    permission_set_arn TEXT NOT NULL,
    principal_type TEXT NOT NULL,
    principal_id TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX account_assignment_by_principal ON account_assignment (principal_id, principal_type, account_id);
CREATE INDEX account_assignment_by_account ON account_assignment (account_id);
CREATE INDEX account_assignment_by_permission_set ON account_assignment (permission_set_arn);

CREATE TABLE credential_source (
    name TEXT PRIMARY KEY,
    description TEXT NOT NULL,
    options TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
