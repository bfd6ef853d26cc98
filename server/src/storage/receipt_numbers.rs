//! Receipt numbers: one sequence per organization, shared by packs (`ai_token_purchases`) and plans (`invoices`). The
//! lock on the account serializes them.
//!
//! All functions return [`StorageError`](super::StorageError) if the database fails.

use sqlx::PgConnection;
use uuid::Uuid;

use super::Result;

/// Returns the last receipt number of each of `orgs`; 0 before the first receipt.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn list_last(conn: &mut PgConnection, orgs: &[Uuid]) -> Result<Vec<(Uuid, i64)>> {
    let rows = sqlx::query!(
        r#"select a.org_id, greatest(
             (select max(number) from ai_token_purchases p where p.org_id = a.org_id),
             (select max((i.invoice ->> 'receipt')::bigint)
                 from invoices v cross join lateral jsonb_each(v.invoices) i(id, invoice) where v.org_id = a.org_id),
             0) as "last!"
         from ai_token_accounts a where a.org_id = any($1)"#,
        orgs
    );
    Ok(rows.fetch_all(conn).await?.into_iter().map(|row| (row.org_id, row.last)).collect())
}
