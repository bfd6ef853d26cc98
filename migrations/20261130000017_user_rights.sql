-- Who may read users. Until now, every transaction saw all of them, with their password hashes. roles.sql grants no role
-- the column password_hash: the functions below are the only way to it. It grants no role is_staff to write either.

-- A transaction sees the user of app.user_id, the user with the email in app.email, and the people of the organizations
-- that it sees: members, and staff named in the license log.
alter policy users_select on users using (
    id = (select nullif(current_setting('app.user_id', true), '')::uuid)
    or email = (select nullif(current_setting('app.email', true), ''))
    or exists (select from members m where m.user_id = users.id)
    or exists (select from ai_token_license_log l where l.staff_id = users.id)
);
create index ai_token_license_log_staff_idx on ai_token_license_log (staff_id) where staff_id is not null;

-- These functions run as the owner, whom the policies bind, too, unless it is a superuser. So each sets what they read,
-- for the transaction that it runs in.

-- Finds the user who signs in with an email.
create function find_user_for_sign_in(with_email text)
returns table (id uuid, display_name text, password_hash text, is_staff boolean)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
begin
    perform set_config('app.email', with_email, true);
    return query select id, display_name, password_hash, is_staff from public.users where email = with_email;
end
$$;

-- Returns the password hash of a user.
create function find_password_hash(of_user uuid) returns text
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    perform set_config('app.user_id', of_user::text, true);
    return (select password_hash from public.users where id = of_user);
end
$$;

-- Replaces the password hash of a user, if it is still `old`. Returns whether it was.
create function replace_password_hash(of_user uuid, old text, new text) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    perform set_config('app.user_id', of_user::text, true);
    update public.users set password_hash = new where id = of_user and password_hash = old;
    return found;
end
$$;

revoke execute on function find_user_for_sign_in(text), find_password_hash(uuid),
    replace_password_hash(uuid, text, text) from public;
