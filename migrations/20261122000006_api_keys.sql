-- Keys of services. Of a secret only its SHA-256 stands here; it is unique everywhere, which tells nobody anything who does
-- not have the secret.
create table api_keys (
    org_id uuid not null constraint api_keys_org_fkey references organizations (id),
    id uuid not null,
    name text not null constraint api_keys_name_length check (length(name) between 1 and 100),
    shown text not null constraint api_keys_shown_form check (shown ~ '^bm_(live|test)_[0-9A-Za-z]{4}$'),
    hash bytea not null constraint api_keys_hash_key unique constraint api_keys_hash_length check (length(hash) = 32),
    scope text not null constraint api_keys_scope_known check (scope in ('read', 'spend', 'manage')),
    -- the member who made it; nobody's on the command line
    created_by uuid,
    created_at timestamptz not null,
    expires_at timestamptz,
    last_used_at timestamptz,
    revoked_at timestamptz,
    constraint api_keys_pkey primary key (org_id, id),
    constraint api_keys_maker_fkey foreign key (org_id, created_by) references members (org_id, id)
);

alter table api_keys enable row level security;
alter table api_keys force row level security;
create policy api_keys_tenant on api_keys
    using (org_id = any ((select string_to_array(nullif(current_setting('app.org_id', true), ''), ',')::uuid[])::uuid[]))
    with check (org_id = any ((select string_to_array(nullif(current_setting('app.org_id', true), ''), ',')::uuid[])::uuid[]));
-- Whoever presents a key's secret sees that key, before its organization is known.
create policy api_keys_presented on api_keys for select
    using (hash = (select decode(nullif(current_setting('app.key_hash', true), ''), 'hex')));

-- Whoever names an organization on the command line sees that one.
create policy organizations_named on organizations for select
    using (slug = (select nullif(current_setting('app.org_slug', true), '')));
