-- Who is who. Tables with tenant data lead their primary key with org_id and are under row-level security: a transaction
-- sees the organizations that its local setting app.org_id lists (one, or several separated by commas), and no others.

create table organizations (
    id uuid constraint organizations_pkey primary key,
    slug text not null constraint organizations_slug_key unique
        constraint organizations_slug_form check (slug ~ '^[a-z][a-z0-9-]{1,39}$'),
    name text not null constraint organizations_name_length check (length(name) between 1 and 100),
    time_zone text not null constraint organizations_time_zone_length check (length(time_zone) between 1 and 60),
    created_at timestamptz not null
);

-- People. One person may belong to several organizations, so a person is not tenant data.
create table users (
    id uuid constraint users_pkey primary key,
    email text not null constraint users_email_key unique
        constraint users_email_form check (email = lower(email) and email like '%_@_%' and length(email) <= 254),
    display_name text not null constraint users_display_name_length check (length(display_name) between 1 and 100),
    password_hash text not null,
    is_staff boolean not null default false,
    created_at timestamptz not null
);

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

-- Browser sessions, written by tower-sessions; data is its record, packed.
create table sessions (
    id text constraint sessions_pkey primary key,
    data bytea not null,
    expires_at timestamptz not null
);
create index sessions_expires_idx on sessions (expires_at);

-- Failed sign-ins by account and by address, each under a hash: no address or mail stands here.
create table sign_in_failures (
    subject bytea constraint sign_in_failures_pkey primary key,
    failures integer not null constraint sign_in_failures_positive check (failures > 0),
    first_at timestamptz not null
);

alter table organizations enable row level security;
alter table organizations force row level security;
create policy organizations_tenant on organizations
    using (id = any ((select string_to_array(nullif(current_setting('app.org_id', true), ''), ',')::uuid[])::uuid[]))
    with check (id = any ((select string_to_array(nullif(current_setting('app.org_id', true), ''), ',')::uuid[])::uuid[]));

alter table members enable row level security;
alter table members force row level security;
create policy members_tenant on members
    using (org_id = any ((select string_to_array(nullif(current_setting('app.org_id', true), ''), ',')::uuid[])::uuid[]))
    with check (org_id = any ((select string_to_array(nullif(current_setting('app.org_id', true), ''), ',')::uuid[])::uuid[]));
-- A person who signs in sees the memberships of that person, before any organization is chosen.
create policy members_own on members for select
    using (user_id = (select nullif(current_setting('app.user_id', true), '')::uuid));
