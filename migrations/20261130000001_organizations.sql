-- Organizations, users, members, browser sessions and sign-in failures.

-- The tenants. Every table with tenant data leads its primary key with org_id; here that is id.
create table organizations (
    id uuid constraint organizations_pkey primary key,
    slug text not null constraint organizations_slug_form check (slug ~ '^[a-z][a-z0-9-]{1,39}$'),
    name text not null constraint organizations_name_length check (length(name) between 1 and 100),
    time_zone text not null constraint organizations_time_zone_length check (length(time_zone) between 1 and 60),
    created_at timestamptz not null
);

-- Look-up table: the organization of a slug. It keeps slugs unique across all organizations.
-- Look-up tables have no foreign keys to tenant tables, so that those can be distributed by org_id.
create table organization_slugs (
    slug text constraint organization_slugs_pkey primary key,
    org_id uuid not null
);

-- People who sign in. A user may belong to several organizations, so a user is not tenant data.
create table users (
    id uuid constraint users_pkey primary key,
    email text not null constraint users_email_key unique
        constraint users_email_form check (email = lower(email) and email like '%_@_%' and length(email) <= 254),
    display_name text not null constraint users_display_name_length check (length(display_name) between 1 and 100),
    password_hash text not null,
    is_staff boolean not null default false,
    created_at timestamptz not null
);

-- Users' memberships in organizations.
create table members (
    org_id uuid not null constraint members_org_fkey references organizations (id),
    id uuid not null,
    user_id uuid not null constraint members_user_fkey references users (id),
    role text not null constraint members_role_known check (role in ('owner', 'admin', 'member')),
    created_at timestamptz not null,
    constraint members_pkey primary key (org_id, id),
    constraint members_user_key unique (org_id, user_id)
);
create index members_user_idx on members (user_id);

-- Browser sessions, written by tower-sessions.
create table sessions (
    id text constraint sessions_pkey primary key,
    -- the session record in MessagePack
    data bytea not null,
    expires_at timestamptz not null,
    -- the signed-in user, so that a user can end all sessions
    user_id uuid constraint sessions_user_fkey references users (id)
);
create index sessions_expires_idx on sessions (expires_at);
create index sessions_user_idx on sessions (user_id);

-- Failed sign-ins by account and by network address, both hashed: the table holds no email and no address.
create table sign_in_failures (
    subject bytea constraint sign_in_failures_pkey primary key,
    failures integer not null constraint sign_in_failures_positive check (failures > 0),
    first_at timestamptz not null
);
