//! What the server's two roles may do at all.

use sqlx::PgConnection;

use crate::support::{TestServer, with_server};

const ROLES: [&str; 2] = ["brightmeter_app", "brightmeter_app_writer"];

async fn list(server: &TestServer, sql: &'static str) -> Vec<String> {
    let conn: &mut PgConnection = &mut server.owner().await;
    sqlx::query_scalar(sql).bind(ROLES.map(str::to_owned).to_vec()).fetch_all(conn).await.unwrap()
}

#[test]
fn neither_role_can_bypass_anything_or_owns_anything() {
    with_server(async |server| {
        let known = list(server, "select rolname::text from pg_roles where rolname = any($1) order by 1").await;
        assert_eq!(known, ROLES);
        let powers = "select rolname::text from pg_roles where rolname = any($1)
                      and (rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolreplication)";
        assert_eq!(list(server, powers).await, [""; 0]);
        let memberships = "select roleid::regrole::text from pg_auth_members where member::regrole::text = any($1)";
        assert_eq!(list(server, memberships).await, [""; 0], "a role that is a member of another has its powers");
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
fn the_roles_may_write_exactly_this() {
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
        brightmeter_app insert ai_token_plan_orders.id ai_token_plan_orders.member_id ai_token_plan_orders.ordered_at ai_token_plan_orders.org_id ai_token_plan_orders.plan ai_token_purchases.id ai_token_purchases.label ai_token_purchases.member_id ai_token_purchases.ordered_at ai_token_purchases.org_id ai_token_purchases.pack ai_token_purchases.price_cents ai_token_purchases.tokens api_keys sessions sign_in_failures stripe_customers stripe_events
        brightmeter_app update ai_token_plan_orders.checkout_until ai_token_plan_orders.checkout_url ai_token_plan_orders.done_at ai_token_plan_orders.session_id ai_token_purchases.checkout_until ai_token_purchases.checkout_url ai_token_purchases.session_id api_keys.last_used_at api_keys.revoked_at quests.done_at sessions sign_in_failures stripe_events.attempts stripe_events.done_at stripe_events.due_at stripe_events.outcome stripe_events.replayed_at stripe_events.waits_for users.password_hash
        brightmeter_app_writer delete ai_token_receipts
        brightmeter_app_writer insert ai_token_accounts ai_token_daily ai_token_dues ai_token_grants ai_token_guards ai_token_holds ai_token_jobs ai_token_license_log ai_token_receipts ai_token_usage_log ai_tokens emails members organizations quests users
        brightmeter_app_writer update ai_token_accounts ai_token_daily ai_token_dues ai_token_grants ai_token_guards ai_token_holds ai_token_purchases ai_tokens
        ");
    });
}

#[test]
fn the_role_of_pages_cannot_write_a_token_and_neither_role_can_empty_a_table() {
    with_server(async |server| {
        let writes = "select c.relname::text from pg_class c
             where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and c.relname like 'ai\\_token%'
                 and c.relname not in ('ai_token_purchases', 'ai_token_plan_orders')
                 and (has_table_privilege(($1::text[])[1], c.oid, 'insert, delete, truncate, trigger, references')
                     or has_any_column_privilege(($1::text[])[1], c.oid, 'insert, update'))";
        assert_eq!(list(server, writes).await, [""; 0]);
        // An order may be recorded; that it was paid, and what came of it, is not the pages' to say.
        let money = "select a.attname::text from pg_attribute a where a.attrelid = 'ai_token_purchases'::regclass
             and a.attname in ('payment', 'stage', 'payment_intent', 'charge', 'credit', 'number', 'at_stake')
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
