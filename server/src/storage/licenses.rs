//! `ai_token_dues` and `ai_token_license_log`: what is known of an organization's invoices, and how its license went.

use brightmeter::{
    billing::{
        invoices::Invoices,
        license::{LicenseStep, Restriction, StaffAction},
        subscription::SubscriptionSnapshot,
    },
    ids::{OrgId, TransactionId, UserId},
    time::Instant,
};
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use super::{Result, accounts, corrupt, decode};

/// A step of a license as it stands in the log.
#[derive(Debug)]
pub struct Logged {
    /// The step.
    pub step: LicenseStep,
    /// The name of whoever of the staff made it.
    pub person: Option<String>,
}

/// What is known of the invoices and the subscriptions of `orgs`; of whom nothing was ever told is missing.
///
/// # Errors
/// [`StorageError`](super::StorageError).
pub async fn list_invoices(
    conn: &mut PgConnection,
    orgs: &[Uuid],
) -> Result<Vec<(Uuid, Invoices, Option<SubscriptionSnapshot>)>> {
    let rows = sqlx::query!(
        r#"select org_id, invoices as "invoices: Json<Invoices>", subscription as "subscription: Json<SubscriptionSnapshot>"
         from ai_token_dues where org_id = any($1)"#,
        orgs
    );
    let rows = rows.fetch_all(conn).await?;
    Ok(rows.into_iter().map(|row| (row.org_id, row.invoices.0, row.subscription.map(|it| it.0))).collect())
}

/// What is known of the invoices and the subscription of one organization.
///
/// # Errors
/// [`StorageError`](super::StorageError).
pub async fn find_invoices(conn: &mut PgConnection, org: OrgId) -> Result<(Invoices, Option<SubscriptionSnapshot>)> {
    let known = list_invoices(conn, &[org.0]).await?.into_iter().next();
    Ok(known.map(|(_, invoices, snapshot)| (invoices, snapshot)).unwrap_or_default())
}

/// Writes what is known of invoices, or of the subscription; what is not given stays.
///
/// # Errors
/// [`StorageError`](super::StorageError).
pub async fn upsert_billing_facts(
    conn: &mut PgConnection,
    org: Uuid,
    invoices: Option<&Invoices>,
    snapshot: Option<&SubscriptionSnapshot>,
) -> Result<()> {
    sqlx::query!(
        "insert into ai_token_dues (org_id, invoices, subscription) values ($1, coalesce($2, '{}'::jsonb), $3)
         on conflict (org_id) do update set invoices = coalesce($2, ai_token_dues.invoices),
             subscription = coalesce($3, ai_token_dues.subscription)",
        org,
        invoices.map(Json) as Option<Json<&Invoices>>,
        snapshot.map(Json) as Option<Json<&SubscriptionSnapshot>>
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Appends a step to the log, and queues the email that tells it.
///
/// # Errors
/// [`StorageError`](super::StorageError).
pub async fn append(
    conn: &mut PgConnection,
    org: Uuid,
    transaction: TransactionId,
    number: i16,
    step: &LicenseStep,
    email: Uuid,
    now: Instant,
) -> Result<()> {
    sqlx::query!(
        "with step as (
             insert into ai_token_license_log
                 (org_id, transaction_id, number, at, state, since, off, booked_at, staff_id, reason)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $10, $11)
         )
         insert into emails (org_id, id, kind, data, queued_at)
         values ($1, $9, 'license', jsonb_build_object('at', $4, 'state', $5, 'since', $6, 'off', $7), $8)",
        org,
        transaction.0,
        number,
        step.at,
        step.license.name(),
        step.license.since(),
        step.off.as_str(),
        now,
        email,
        step.by.as_ref().map(|by| by.user.0),
        step.by.as_ref().map(|by| by.reason.as_str())
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The latest steps of an organization's license, the newest first.
///
/// # Errors
/// [`StorageError`](super::StorageError).
pub async fn list(conn: &mut PgConnection, org: OrgId, limit: i64) -> Result<Vec<Logged>> {
    let rows = sqlx::query!(
        r#"select l.at, l.state, l.since, l.off, l.staff_id, l.reason, u.display_name as "person?"
         from ai_token_license_log l left join users u on u.id = l.staff_id
         where l.org_id = $1 order by l.booked_at desc, l.transaction_id desc, l.number desc limit $2"#,
        org.0,
        limit
    );
    let rows = rows.fetch_all(conn).await?.into_iter().map(|row| {
        let off = Restriction::parse(&row.off).ok_or_else(|| corrupt(format!("off {}", row.off)))?;
        let by = row
            .staff_id
            .zip(row.reason)
            .map(|(user, reason)| decode("reason", reason).map(|reason| StaffAction { user: UserId(user), reason }));
        let (license, by) = (accounts::license(&row.state, row.since)?, by.transpose()?);
        Ok(Logged { step: LicenseStep { at: row.at, license, off, by }, person: row.person })
    });
    rows.collect()
}
