-- Run by `brightmeter migrate` as the owner, with the setting brightmeter.app_role. Creates two roles that own nothing
-- and cannot bypass row-level security: one serves pages and the API, the other is the writer. Because only the
-- writer's role may write tokens, the writer is the only way to move them. Safe to run again: what is not granted here
-- is taken away.
do $$
declare
    app text := current_setting('brightmeter.app_role');
    writer text := app || '_writer';
    role text;
    tenant_table regclass;
begin
    foreach role in array array[app, writer]
    loop
        if not exists (select from pg_roles where rolname = role) then
            begin
                execute format('create role %I login nosuperuser nobypassrls nocreatedb nocreaterole', role);
            exception when duplicate_object or unique_violation then
                null; -- another process created it first
            end;
        end if;
        if exists (select from pg_roles where rolname = role and (rolsuper or rolbypassrls)) then
            raise exception 'role % can bypass row-level security: name another role in BRIGHTMETER_APP_ROLE', role;
        end if;
        if not pg_has_role(current_user, role, 'member') then
            execute format('grant %I to current_user', role);
        end if;
        execute format('grant usage on schema public to %I', role);
        execute format('revoke all on all tables in schema public from %I', role);
        execute format('revoke all on all sequences in schema public from %I', role);
        -- Both read every table that enable_tenant_isolation protects.
        for tenant_table in select c.oid from pg_class c join pg_policy p on p.polrelid = c.oid
            where c.relnamespace = 'public'::regnamespace and p.polname = c.relname || '_tenant'
        loop
            execute format('grant select on %s to %I', tenant_table, role);
        end loop;
    end loop;

    -- Nobody but the owner makes staff, and only functions read and replace password hashes.
    execute format('grant select (id, email, display_name, is_staff) on users to %I', app);
    execute format('grant execute on function find_user_for_sign_in, find_password_hash, replace_password_hash to %I', app);
    execute format('grant select (id, email), insert (id, email, display_name, password_hash, created_at)
        on users to %I', writer);

    execute format('grant select, insert, delete, update (data, user_id, expires_at) on sessions to %I', app);
    execute format('grant select, insert, delete, update (failures, first_at) on sign_in_failures to %I', app);
    execute format('grant select on stripe_events, _sqlx_migrations to %I', app);
    execute format('grant insert, delete, update (attempts, due_at, done_at, outcome, disposal, waits_for,
        replayed_at)
        on stripe_events to %I', app);
    -- Pages record orders. Payments and credits are recorded by the writer only.
    execute format('grant insert on stripe_customers, stripe_payment_ids to %I', app);
    execute format('grant update (replaced_at) on stripe_customers to %I', app);
    execute format('grant insert (org_id, id, plan, currency, member_id, ordered_at),
        update (session_id, checkout_url, checkout_until, done_at) on ai_token_plan_orders to %I', app);
    execute format('grant usage on sequence stripe_snapshot_numbers to %I', app);
    execute format('grant insert (org_id, id, pack, label, price_cents, currency, tokens, member_id, ordered_at)
        on ai_token_purchases to %I', app);
    execute format('grant update (session_id, checkout_url, checkout_until) on ai_token_purchases to %I', app);
    execute format('grant update (done_at) on quests to %I', app);
    execute format('grant insert, update (last_used_at, revoked_at) on api_keys to %I', app);
    execute format('grant insert on api_key_hashes to %I', app);

    execute format('grant insert, update on ai_token_accounts, ai_tokens, ai_token_grants, ai_token_holds,
        ai_token_guards, ai_token_daily to %I', writer);
    execute format('grant update on ai_token_purchases to %I', writer);
    execute format('grant insert, update on invoices to %I', writer);
    execute format('grant insert on ai_token_license_log, emails to %I', writer);
    execute format('grant insert on organizations, organization_slugs, members, ai_token_usage_log,
        ai_token_idempotency, ai_token_jobs, quests, stripe_payment_ids to %I', writer);

    -- The audit keeps how far it got.
    execute format('grant insert, update on ai_token_audit_progress to %I', writer);

    -- The app role registers the Checkout session of an order; ids of payments and charges only the writer registers.
    execute 'drop policy if exists stripe_payment_ids_of_checkout on stripe_payment_ids';
    execute format('create policy stripe_payment_ids_of_checkout on stripe_payment_ids as restrictive for insert to %I
        with check (stripe_id like ''cs\_%%'')', app);

    -- The sweeper finds the accounts that are due, in any organization.
    execute 'drop policy if exists ai_token_accounts_due on ai_token_accounts';
    execute format('create policy ai_token_accounts_due on ai_token_accounts for select to %I
        using (due_at <= (select nullif(current_setting(''app.due_at'', true), '''')::timestamptz))', writer);

    -- It counts the open holds of all organizations.
    execute 'drop policy if exists ai_token_holds_all_open on ai_token_holds';
    execute format('create policy ai_token_holds_all_open on ai_token_holds for select to %I
        using (state = ''open'' and (select current_setting(''app.due_at'', true)) = ''infinity'')', writer);

    -- Staff search for organizations by name.
    execute 'drop policy if exists organizations_all on organizations';
    execute format('create policy organizations_all on organizations for select to %I
        using ((select current_setting(''app.due_at'', true)) = ''infinity'')', writer);

    -- The sweeper deletes old idempotency records, in any organization.
    execute format('grant delete on ai_token_idempotency to %I', writer);
    execute 'drop policy if exists ai_token_idempotency_old on ai_token_idempotency';
    execute format('create policy ai_token_idempotency_old on ai_token_idempotency to %I
        using (created_at < (select nullif(current_setting(''app.prune_before'', true), '''')::timestamptz))
        with check (false)', writer);
end
$$;
