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

#[test]
fn the_roles_have_exactly_these_write_privileges() {
    with_server(async |server| {
        let granted = list(
            server,
            "select concat_ws(' ', grantee, lower(privilege_type), string_agg(what, ' ' order by what)) from (
                 select grantee::text, privilege_type::text, table_name::text as what
                 from information_schema.table_privileges
                 where table_schema = 'public' and (grantee = any($1) or grantee = 'PUBLIC') and privilege_type <> 'SELECT'
                 union
                 select grantee::text, privilege_type::text, format('%s.%s', table_name, column_name)
                 from information_schema.column_privileges c
                 where table_schema = 'public' and (grantee = any($1) or grantee = 'PUBLIC') and privilege_type <> 'SELECT'
                     and not exists (select from information_schema.table_privileges t where t.grantee = c.grantee
                         and t.table_name = c.table_name and t.privilege_type = c.privilege_type)
             ) held group by grantee, privilege_type order by 1",
        )
        .await;
        insta::assert_snapshot!(granted.join("\n"), @"
        brightmeter_app delete sessions sign_in_failures stripe_events
        brightmeter_app insert ai_token_plan_orders.currency ai_token_plan_orders.id ai_token_plan_orders.member_id ai_token_plan_orders.ordered_at ai_token_plan_orders.org_id ai_token_plan_orders.plan ai_token_purchases.currency ai_token_purchases.id ai_token_purchases.label ai_token_purchases.member_id ai_token_purchases.ordered_at ai_token_purchases.org_id ai_token_purchases.pack ai_token_purchases.price_cents ai_token_purchases.tokens api_key_hashes api_keys sessions sign_in_failures stripe_customers stripe_events stripe_payment_ids
        brightmeter_app update ai_token_plan_orders.checkout_until ai_token_plan_orders.checkout_url ai_token_plan_orders.done_at ai_token_plan_orders.session_id ai_token_purchases.checkout_until ai_token_purchases.checkout_url ai_token_purchases.session_id api_keys.last_used_at api_keys.revoked_at quests.done_at sessions sign_in_failures stripe_customers.replaced_at stripe_events.attempts stripe_events.disposal stripe_events.done_at stripe_events.due_at stripe_events.outcome stripe_events.replayed_at stripe_events.waits_for users.password_hash
        brightmeter_app_writer delete ai_token_idempotency
        brightmeter_app_writer insert ai_token_accounts ai_token_audit_progress ai_token_daily ai_token_grants ai_token_guards ai_token_holds ai_token_idempotency ai_token_jobs ai_token_license_log ai_token_usage_log ai_tokens emails invoices members organization_slugs organizations quests stripe_payment_ids users
        brightmeter_app_writer update ai_token_accounts ai_token_audit_progress ai_token_daily ai_token_grants ai_token_guards ai_token_holds ai_token_purchases ai_tokens invoices
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
