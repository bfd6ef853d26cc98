-- The tenant predicate tests each row against a set. As an array, Postgres also searched it by the index, once for every
-- organization that the statement named.

-- The only place that contains the tenant predicate. The set is made once per statement, not once per row.
create function tenant_predicate(org_column name) returns text immutable language sql as $$
    select format(
        '%I in (select unnest(string_to_array(nullif(current_setting(''app.org_id'', true), ''''), '','')::uuid[]))',
        org_column)
$$;

-- Enables and forces row-level security on a tenant table and adds the tenant policy. Call it for every table with
-- org_id.
create or replace function enable_tenant_isolation(tenant_table regclass, org_column name default 'org_id') returns void
language plpgsql as $$
declare
    predicate constant text := tenant_predicate(org_column);
    policy constant text := (select relname || '_tenant' from pg_class where oid = tenant_table);
begin
    execute format('alter table %s enable row level security', tenant_table);
    execute format('alter table %s force row level security', tenant_table);
    execute format('create policy %I on %s using (%s) with check (%s)', policy, tenant_table, predicate, predicate);
end
$$;

do $$
declare
    policy record;
    predicate text;
begin
    for policy in
        select polname, polrelid::regclass as tenant_table, case relname when 'organizations' then 'id' else 'org_id' end as org_column
        from pg_policy join pg_class c on c.oid = polrelid
        where polname = relname || '_tenant' and relnamespace = 'public'::regnamespace
    loop
        predicate := tenant_predicate(policy.org_column);
        execute format('alter policy %I on %s using (%s) with check (%s)', policy.polname, policy.tenant_table, predicate, predicate);
    end loop;
end
$$;
