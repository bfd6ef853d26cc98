//! `ai_tokens`: the balance of each token type.

use brightmeter::{account::Balance, names::TokenType};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Result, decode};

/// The balances of `orgs`, each with its organization.
///
/// # Errors
/// [`StorageError`](super::StorageError).
pub async fn list(conn: &mut PgConnection, orgs: &[Uuid]) -> Result<Vec<(Uuid, TokenType, Balance)>> {
    let rows =
        sqlx::query!("select org_id, token_type, settled, held, debt from ai_tokens where org_id = any($1)", orgs)
            .fetch_all(conn)
            .await?;
    rows.into_iter()
        .map(|row| {
            let balance = Balance {
                settled: decode("settled", row.settled)?,
                held: decode("held", row.held)?,
                debt: decode("debt", row.debt)?,
            };
            Ok((row.org_id, decode("token type", row.token_type)?, balance))
        })
        .collect()
}

/// Writes balances, new or changed.
///
/// # Errors
/// [`StorageError`](super::StorageError).
pub async fn upsert(conn: &mut PgConnection, balances: &[(Uuid, &TokenType, Balance)]) -> Result<()> {
    let orgs: Vec<Uuid> = balances.iter().map(|(org, _, _)| *org).collect();
    let types: Vec<String> = balances.iter().map(|(_, name, _)| name.to_string()).collect();
    let column = |value: fn(&Balance) -> i64| balances.iter().map(|(_, _, b)| value(b)).collect::<Vec<i64>>();
    sqlx::query!(
        "insert into ai_tokens (org_id, token_type, settled, held, debt)
         select * from unnest($1::uuid[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[])
         on conflict (org_id, token_type)
         do update set settled = excluded.settled, held = excluded.held, debt = excluded.debt",
        &orgs,
        &types,
        &column(|b| b.settled.get()),
        &column(|b| b.held.get()),
        &column(|b| b.debt.get()),
    )
    .execute(conn)
    .await?;
    Ok(())
}
