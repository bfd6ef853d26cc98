-- Whose a session is, so that a person can end all of them at once.
alter table sessions add column user_id uuid constraint sessions_user_fkey references users (id);
create index sessions_user_idx on sessions (user_id);

-- Anybody may be looked up by email, to sign in; only one's own row may be changed.
alter table users enable row level security;
alter table users force row level security;
create policy users_read on users for select using (true);
create policy users_make on users for insert with check (true);
create policy users_own on users for update using (id = (select nullif(current_setting('app.user_id', true), '')::uuid));
