-- API keys of services.

-- API keys, without their secrets.
create table api_keys (
    org_id uuid not null constraint api_keys_org_fkey references organizations (id),
    id uuid not null,
    name text not null constraint api_keys_name_length check (length(name) between 1 and 100),
    -- the visible start of the secret
    shown text not null constraint api_keys_shown_form check (shown ~ '^bm_(live|test)_[0-9A-Za-z]{4}$'),
    scope text not null constraint api_keys_scope_known check (scope in ('read', 'spend', 'manage')),
    -- the member who created it; null if created on the command line
    created_by uuid,
    created_at timestamptz not null,
    expires_at timestamptz,
    last_used_at timestamptz,
    revoked_at timestamptz,
    constraint api_keys_pkey primary key (org_id, id),
    constraint api_keys_created_by_fkey foreign key (org_id, created_by) references members (org_id, id)
);

-- Look-up table: the API key of a secret, by the secret's SHA-256. Secrets themselves are not stored.
create table api_key_hashes (
    hash bytea constraint api_key_hashes_pkey primary key
        constraint api_key_hashes_hash_length check (length(hash) = 32),
    org_id uuid not null,
    key_id uuid not null
);
