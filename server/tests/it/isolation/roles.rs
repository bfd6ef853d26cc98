//! The privileges of the server's two roles.

use sqlx::PgConnection;

use crate::support::{TestServer, with_server};

const ROLES: [&str; 2] = ["brightmeter_app", "brightmeter_app_writer"];

async fn list(server: &TestServer, sql: &'static str) -> Vec<String> {
    let conn: &mut PgConnection = &mut server.owner().await;
    sqlx::query_scalar(sql).bind(ROLES.map(str::to_owned).to_vec()).fetch_all(conn).await.unwrap()
}

#[test]
fn neither_role_owns_anything_or_can_bypass_row_level_security() {
    with_server(async |server| {
        let known = list(server, "select rolname::text from pg_roles where rolname = any($1) order by 1").await;
        assert_eq!(known, ROLES);
        let powers = "select rolname::text from pg_roles where rolname = any($1)
                      and (rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolreplication)";
        assert_eq!(list(server, powers).await, [""; 0]);
        let memberships = "select roleid::regrole::text from pg_auth_members where member::regrole::text = any($1)";
        assert_eq!(list(server, memberships).await, [""; 0], "a member of another role has its privileges");
        let owned =
            "select format('%s of kind %s', relname, relkind) from pg_class where relowner::regrole::text = any($1)
                     union all select proname::text from pg_proc where proowner::regrole::text = any($1)
                     union all select nspname::text from pg_namespace where nspowner::regrole::text = any($1)
                     union all select datname::text from pg_database
                         where datname = current_database() and datdba::regrole::text = any($1)";
        assert_eq!(list(server, owned).await, [""; 0]);
    });
}

/// Of each table, the app role's and the writer's. A new table shows up here, too: which role needs it?
#[test]
fn the_roles_have_exactly_these_privileges() {
    with_server(async |server| {
        let granted = list(
            server,
            "select format('%s: %s', c.relname, (
                 select string_agg(coalesce((
                     select string_agg(privilege || columns, ', ' order by privilege)
                     from unnest(array['select', 'insert', 'update', 'delete', 'truncate', 'references', 'trigger']) privilege,
                     lateral (
                         select '' as columns where has_table_privilege(role, c.oid, privilege)
                         union all
                         select format(' (%s)', string_agg(attname, ' ' order by attname)) from pg_attribute
                         where attrelid = c.oid and attnum > 0 and not attisdropped
                             and not has_table_privilege(role, c.oid, privilege)
                             and case when privilege in ('select', 'insert', 'update', 'references')
                                 then has_column_privilege(role, c.oid, attnum, privilege) end
                         having count(*) > 0
                     ) held
                 ), '-'), ' | ' order by role) from unnest($1::text[]) role))
             from pg_class c
             where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f') order by c.relname",
        )
        .await;
        insta::assert_snapshot!(granted.join("\n"), @"
        _sqlx_migrations: select | -
        ai_token_accounts: select | insert, select, update
        ai_token_audit_progress: select | insert, select, update
        ai_token_daily: select | insert, select, update
        ai_token_grants: select | insert, select, update
        ai_token_guards: select | insert, select, update
        ai_token_holds: select | insert, select, update
        ai_token_idempotency: select | delete, insert, select
        ai_token_jobs: select | insert, select
        ai_token_license_log: select | insert, select
        ai_token_plan_orders: insert (currency id member_id ordered_at org_id plan), select, update (checkout_until checkout_url done_at session_id) | select
        ai_token_purchases: insert (currency id label member_id ordered_at org_id pack price_cents tokens), select, update (checkout_until checkout_url session_id) | select, update
        ai_token_usage_log: select | insert, select
        ai_tokens: select | insert, select, update
        api_key_hashes: insert, select | select
        api_keys: insert, select, update (last_used_at revoked_at) | select
        emails: select | insert, select
        invoices: select | insert, select, update
        members: select | insert, select
        organization_slugs: select | insert, select
        organizations: select | insert, select
        quests: select, update (done_at) | insert, select
        role_setups: - | -
        sessions: delete, insert, select, update (data expires_at user_id) | -
        sign_in_failures: delete, insert, select, update (failures first_at) | -
        stripe_customers: insert, select, update (replaced_at) | select
        stripe_events: delete, insert, select, update (attempts disposal done_at due_at outcome replayed_at waits_for) | -
        stripe_payment_ids: insert, select | insert, select
        users: select (display_name email id is_staff) | insert (created_at display_name email id password_hash), select (email id)
        ");
        let everyone = "select format('%s: %s', c.relname, a.privilege_type) from pg_class c, aclexplode(c.relacl) a
             where c.relnamespace = 'public'::regnamespace and a.grantee = 0 and $1::text[] is not null";
        assert_eq!(list(server, everyone).await, [""; 0]);
        let sequences =
            "select format('%s: %s', c.relname, string_agg(role || ' ' || privilege, ', ' order by role, privilege))
             from pg_class c, unnest($1::text[]) role, unnest(array['usage', 'select', 'update']) privilege
             where c.relnamespace = 'public'::regnamespace and c.relkind = 'S'
                 and has_sequence_privilege(role, c.oid, privilege) group by c.relname";
        assert_eq!(list(server, sequences).await, ["stripe_snapshot_numbers: brightmeter_app usage"]);
        let schema = "select role from unnest($1::text[]) role where has_schema_privilege(role, 'public', 'create')";
        assert_eq!(list(server, schema).await, [""; 0]);
    });
}

/// These run with the owner's rights, so they must not resolve a name in a schema that others can write to.
#[test]
fn only_the_app_role_may_call_the_functions_that_run_as_the_owner() {
    with_server(async |server| {
        let functions = list(
            server,
            "select format('%s: %s, %s', p.proname, coalesce((
                 select string_agg(role, ' ') from unnest($1::text[] || 'public'::text) role
                 where has_function_privilege(role, p.oid, 'execute')), '-'), p.proconfig[1])
             from pg_proc p where p.pronamespace = 'public'::regnamespace and p.prosecdef order by p.proname",
        )
        .await;
        insta::assert_snapshot!(functions.join("\n"), @"
        find_password_hash: brightmeter_app, search_path=pg_catalog, pg_temp
        find_user_for_sign_in: brightmeter_app, search_path=pg_catalog, pg_temp
        replace_password_hash: brightmeter_app, search_path=pg_catalog, pg_temp
        ");
    });
}

#[test]
fn the_app_role_cannot_write_tokens_and_neither_role_can_truncate_a_table() {
    with_server(async |server| {
        let writes = "select c.relname::text from pg_class c
             where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'
                 and (c.relname like 'ai\\_token%' or c.relname = 'invoices')
                 and c.relname not in ('ai_token_purchases', 'ai_token_plan_orders')
                 and (has_table_privilege(($1::text[])[1], c.oid, 'insert, delete, truncate, trigger, references')
                     or has_any_column_privilege(($1::text[])[1], c.oid, 'insert, update'))";
        assert_eq!(list(server, writes).await, [""; 0]);
        // The app role may record an order, but not its payment or the outcome.
        let money = "select a.attname::text from pg_attribute a where a.attrelid = 'ai_token_purchases'::regclass
             and a.attname in ('payment', 'stage', 'credit', 'number', 'needs_reconciliation')
             and has_column_privilege(($1::text[])[1], a.attrelid, a.attname, 'insert, update')";
        assert_eq!(list(server, money).await, [""; 0]);
        let empties = "select format('%s: %s', role, c.relname) from pg_class c, unnest($1::text[]) role
             where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'
                 and has_table_privilege(role, c.oid, 'truncate')";
        assert_eq!(list(server, empties).await, [""; 0]);
        let log = "select role from unnest($1::text[]) role
             where has_table_privilege(role, 'ai_token_usage_log', 'delete')
                 or has_any_column_privilege(role, 'ai_token_usage_log', 'update')";
        assert_eq!(list(server, log).await, [""; 0]);
    });
}
