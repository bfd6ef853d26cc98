-- Row-level security. A transaction sees the organizations listed in its local setting app.org_id (one, or several
-- separated by commas) and no others. Policies for the sweeper and for staff name a role, so they are in roles.sql.

-- Enables and forces row-level security on a tenant table and adds the tenant policy. Call it for every table with
-- org_id. This is the only place that contains the tenant predicate. The subquery runs once per statement, not once per
-- row.
create function enable_tenant_isolation(tenant_table regclass, org_column name default 'org_id') returns void
language plpgsql as $$
declare
    predicate constant text := format(
        '%I = any ((select string_to_array(nullif(current_setting(''app.org_id'', true), ''''), '','')::uuid[])::uuid[])',
        org_column);
    policy constant text := (select relname || '_tenant' from pg_class where oid = tenant_table);
begin
    execute format('alter table %s enable row level security', tenant_table);
    execute format('alter table %s force row level security', tenant_table);
    execute format('create policy %I on %s using (%s) with check (%s)', policy, tenant_table, predicate, predicate);
end
$$;

select enable_tenant_isolation('organizations', 'id');
select enable_tenant_isolation('organization_slugs');
select enable_tenant_isolation('members');
select enable_tenant_isolation('ai_token_accounts');
select enable_tenant_isolation('ai_tokens');
select enable_tenant_isolation('ai_token_grants');
select enable_tenant_isolation('ai_token_holds');
select enable_tenant_isolation('ai_token_usage_log');
select enable_tenant_isolation('ai_token_idempotency');
select enable_tenant_isolation('ai_token_guards');
select enable_tenant_isolation('ai_token_daily');
select enable_tenant_isolation('ai_token_jobs');
select enable_tenant_isolation('quests');
select enable_tenant_isolation('stripe_customers');
select enable_tenant_isolation('ai_token_purchases');
select enable_tenant_isolation('stripe_payment_ids');
select enable_tenant_isolation('ai_token_plan_orders');
select enable_tenant_isolation('invoices');
select enable_tenant_isolation('ai_token_license_log');
select enable_tenant_isolation('emails');
select enable_tenant_isolation('api_keys');
select enable_tenant_isolation('api_key_hashes');

-- Sign-in: a user sees their memberships and those organizations before choosing one.
create policy members_by_user on members for select
    using (user_id = (select nullif(current_setting('app.user_id', true), '')::uuid));
create policy organizations_by_user on organizations for select
    using (id in (
        select org_id from members where user_id = (select nullif(current_setting('app.user_id', true), '')::uuid)
    ));

-- Users are not tenant data: sign-in finds any user by email, but a user can change only their own row.
alter table users enable row level security;
alter table users force row level security;
create policy users_select on users for select using (true);
create policy users_insert on users for insert with check (true);
create policy users_update_self on users for update
    using (id = (select nullif(current_setting('app.user_id', true), '')::uuid));

-- Look-ups by a global id, before the organization is known. Each shows one row, to a transaction that has that id.
create policy organization_slugs_by_slug on organization_slugs for select
    using (slug = (select nullif(current_setting('app.org_slug', true), '')));
create policy api_key_hashes_by_hash on api_key_hashes for select
    using (hash = (select decode(nullif(current_setting('app.key_hash', true), ''), 'hex')));
create policy stripe_customers_by_stripe_id on stripe_customers for select
    using (id = (select nullif(current_setting('app.stripe_id', true), '')));
create policy stripe_payment_ids_by_stripe_id on stripe_payment_ids for select
    using (stripe_id = (select nullif(current_setting('app.stripe_id', true), '')));
