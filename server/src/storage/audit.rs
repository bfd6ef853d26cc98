//! The invariants as queries. Each returns one line per violation, for one organization. Their time grows with the number
//! of rows, whatever the planner knows of them.
//!
//! All functions return [`StorageError`](super::StorageError) if the database fails.

pub mod log;
pub mod progress;
pub mod sums;

use brightmeter::{ids::OrgId, time::Instant, time_zone::TimeZone};
use sqlx::PgConnection;

use super::Result;

/// I1: daily figures that differ from their entries, for an organization in `time_zone`.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn wrong_days(conn: &mut PgConnection, org: OrgId, time_zone: TimeZone) -> Result<Vec<String>> {
    Ok(sqlx::query_scalar!(
        r#"with log as (
             select (created_at at time zone $2::text)::date as day, token_type, coalesce(feature, '') as feature,
                 coalesce(member_id, '00000000-0000-0000-0000-000000000000') as member_id,
                 sum(case kind when 'refunded' then -1 else 1 end)::bigint as uses, -sum(amount)::bigint as tokens
             from ai_token_usage_log where org_id = $1 and kind in ('spent', 'captured', 'refunded') group by 1, 2, 3, 4
         ), stored as (select day, token_type, feature, member_id, uses, tokens from ai_token_daily where org_id = $1)
         select format('%s %s %s: the daily figure is %s uses of %s, the log has %s of %s', day, token_type, feature,
             stored.uses, stored.tokens, log.uses, log.tokens) as "line!"
         from log full join stored using (day, token_type, feature, member_id)
         where (log.uses, log.tokens) is distinct from (stored.uses, stored.tokens)"#,
        org.0,
        time_zone.to_string()
    )
    .fetch_all(conn)
    .await?)
}

/// I2: negative amounts, and balances or grants with more held than available.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn negative(conn: &mut PgConnection, org: OrgId) -> Result<Vec<String>> {
    Ok(sqlx::query_scalar!(
        r#"select format('balance %s: %s settled, %s held, %s debt', token_type, settled, held, debt) as "line!"
         from ai_tokens where org_id = $1 and (settled < 0 or held < 0 or debt < 0 or held > settled)
         union all
         select format('grant %s: %s held, %s left of %s', id, held, remaining, amount)
         from ai_token_grants where org_id = $1 and not (0 <= held and held <= remaining and remaining <= amount)
         union all
         select format('hold %s: %s', id, amount) from ai_token_holds where org_id = $1 and amount < 0"#,
        org.0
    )
    .fetch_all(conn)
    .await?)
}

/// I4: purchases whose credited, clawed back and frozen tokens differ from the log.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn wrong_purchases(conn: &mut PgConnection, org: OrgId) -> Result<Vec<String>> {
    Ok(sqlx::query_scalar!(
        r#"with lots as (
             select p.id as purchase_id, l ->> 'token_type' as token_type, (l ->> 'amount')::bigint as amount,
                 (l ->> 'clawed_back')::bigint as clawed_back, (l ->> 'frozen')::bigint as frozen
             from ai_token_purchases p cross join lateral jsonb_array_elements(p.credit -> 'lots') l where p.org_id = $1
         ), log as (
             select purchase_id, token_type, count(*) filter (where kind = 'granted') as credits,
                 coalesce(sum(debt_after - debt_before - amount) filter (where kind in ('clawed_back', 'reinstated')), 0)::bigint
                     as clawed_back,
                 coalesce(-sum(amount) filter (where kind in ('frozen', 'thawed')), 0)::bigint as frozen
             from ai_token_usage_log where org_id = $1 and purchase_id is not null group by 1, 2
         )
         select format('purchase %s, %s: %s clawed back and %s frozen; the log credits it %s times, claws back %s, freezes %s',
             purchase_id, token_type, lots.clawed_back, lots.frozen, log.credits, log.clawed_back, log.frozen) as "line!"
         from lots full join log using (purchase_id, token_type)
         where (log.credits, log.clawed_back, log.frozen) is distinct from (1::bigint, lots.clawed_back, lots.frozen)"#,
        org.0
    )
    .fetch_all(conn)
    .await?)
}

/// I4: receipt numbers, of packs and plans together, with gaps or duplicates.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn wrong_receipt_numbers(conn: &mut PgConnection, org: OrgId) -> Result<Vec<String>> {
    Ok(sqlx::query_scalar!(
        r#"select format('%s receipts have %s numbers up to %s', count(number), count(distinct number), max(number)) as "line!"
         from (
             select number from ai_token_purchases where org_id = $1
             union all
             select (i.invoice ->> 'receipt')::bigint
             from invoices v cross join lateral jsonb_each(v.invoices) i(id, invoice) where v.org_id = $1
         ) receipts
         having count(number) <> max(number) or count(distinct number) <> max(number)"#,
        org.0
    )
    .fetch_all(conn)
    .await?)
}

/// I6: holds still open 60 seconds past their TTL.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn overdue_holds(conn: &mut PgConnection, org: OrgId, now: Instant) -> Result<Vec<String>> {
    Ok(sqlx::query_scalar!(
        r#"select format('hold %s is still open: opened %s, expired %s', id, opened_at, expires_at) as "line!"
         from ai_token_holds where org_id = $1 and state = 'open' and expires_at + interval '60 seconds' < $2"#,
        org.0,
        now
    )
    .fetch_all(conn)
    .await?)
}

/// I8: tenant tables, and users, without forced row-level security.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn unprotected_tables(conn: &mut PgConnection) -> Result<Vec<String>> {
    Ok(sqlx::query_scalar!(
        r#"select format('table %s is not under forced row-level security', c.relname) as "line!"
         from pg_class c join pg_namespace n on n.oid = c.relnamespace
         where n.nspname = 'public' and c.relkind in ('r', 'p')
             and (c.relname in ('organizations', 'users') or exists (
                 select from pg_attribute a where a.attrelid = c.oid and a.attname = 'org_id' and not a.attisdropped))
             and not (c.relrowsecurity and c.relforcerowsecurity)"#
    )
    .fetch_all(conn)
    .await?)
}

/// I8: powers of the current role that defeat row-level security: it owns a table, can bypass it, reads password hashes or
/// makes staff.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn overpowered_role(conn: &mut PgConnection) -> Result<Vec<String>> {
    Ok(sqlx::query_scalar!(
        r#"select format('role %s can bypass row-level security', rolname) as "line!" from pg_roles
         where rolname = current_user and (rolsuper or rolbypassrls)
         union all
         select format('role %s owns table %s', current_user, c.relname)
         from pg_class c join pg_namespace n on n.oid = c.relnamespace
         where n.nspname = 'public' and c.relowner = (select oid from pg_roles where rolname = current_user)
         union all
         select format('role %s can read password hashes', current_user)
         where has_column_privilege('users', 'password_hash', 'select')
         union all
         select format('role %s can make staff', current_user)
         where has_column_privilege('users', 'is_staff', 'insert, update')"#
    )
    .fetch_all(conn)
    .await?)
}

/// I8: tenant tables with a row that this transaction sees. Call it in a transaction for an organization that doesn't
/// exist: it must see none. Reads each table once, because the policies cannot use an index.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn foreign_rows(conn: &mut PgConnection) -> Result<Vec<String>> {
    Ok(sqlx::query_scalar!(
        r#"select format('rows of other organizations are visible in %s', source) as "line!" from (
             select 'organizations', exists (select from organizations)
             union all select 'organization_slugs', exists (select from organization_slugs)
             union all select 'members', exists (select from members)
             union all select 'ai_token_accounts', exists (select from ai_token_accounts)
             union all select 'ai_tokens', exists (select from ai_tokens)
             union all select 'ai_token_grants', exists (select from ai_token_grants)
             union all select 'ai_token_holds', exists (select from ai_token_holds)
             union all select 'ai_token_usage_log', exists (select from ai_token_usage_log)
             union all select 'ai_token_idempotency', exists (select from ai_token_idempotency)
             union all select 'ai_token_guards', exists (select from ai_token_guards)
             union all select 'ai_token_daily', exists (select from ai_token_daily)
             union all select 'ai_token_audit_progress', exists (select from ai_token_audit_progress)
             union all select 'ai_token_jobs', exists (select from ai_token_jobs)
             union all select 'quests', exists (select from quests)
             union all select 'api_keys', exists (select from api_keys)
             union all select 'api_key_hashes', exists (select from api_key_hashes)
             union all select 'ai_token_plan_orders', exists (select from ai_token_plan_orders)
             union all select 'ai_token_purchases', exists (select from ai_token_purchases)
             union all select 'stripe_customers', exists (select from stripe_customers)
             union all select 'stripe_payment_ids', exists (select from stripe_payment_ids)
             union all select 'invoices', exists (select from invoices)
             union all select 'ai_token_license_log', exists (select from ai_token_license_log)
             union all select 'emails', exists (select from emails)
         ) tables(source, visible) where visible"#
    )
    .fetch_all(conn)
    .await?)
}
