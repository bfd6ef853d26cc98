//! The numbers of receipts: one row of them in each organization, for packs (`ai_token_purchases`) and for plans (`ai_token_dues`).
//! Whoever gives the next one holds the lock of the account.

use sqlx::PgConnection;
use uuid::Uuid;

use super::Result;

/// The number of the last receipt of each of `orgs`; 0 before the first.
///
/// # Errors
/// [`StorageError`](super::StorageError).
pub async fn list_last(conn: &mut PgConnection, orgs: &[Uuid]) -> Result<Vec<(Uuid, i64)>> {
    let rows = sqlx::query!(
        r#"select a.org_id, greatest(
             (select max(number) from ai_token_purchases p where p.org_id = a.org_id),
             (select max((i.invoice ->> 'receipt')::bigint)
                 from ai_token_dues d cross join lateral jsonb_each(d.invoices) i(id, invoice) where d.org_id = a.org_id),
             0) as "last!"
         from ai_token_accounts a where a.org_id = any($1)"#,
        orgs
    );
    Ok(rows.fetch_all(conn).await?.into_iter().map(|row| (row.org_id, row.last)).collect())
}
