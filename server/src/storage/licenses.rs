//! `invoices`, `ai_token_license_log` and `emails`: an organization's invoices and subscription, and its license steps.
//!
//! All functions return [`StorageError`](super::StorageError) if the database fails.

use brightmeter::{
    billing::{
        invoices::Invoices,
        license::{LicenseStep, Restriction, StaffAction},
        subscription::Subscriptions,
    },
    ids::{OrgId, TransactionId, UserId},
    time::Instant,
};
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use super::{Result, accounts, decode, expect_rows, unknown};

/// A license step in the log.
#[derive(Debug)]
pub struct Logged {
    /// The step.
    pub step: LicenseStep,
    /// The name of the staff member who took it. `None` for steps not taken by staff.
    pub person: Option<String>,
}

/// Returns the invoices and the record of subscriptions of `orgs`. Organizations without billing facts are left out.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn list_billing_facts(
    conn: &mut PgConnection,
    orgs: &[Uuid],
) -> Result<Vec<(Uuid, Invoices, Subscriptions)>> {
    let rows = sqlx::query!(
        r#"select org_id, invoices as "invoices: Json<Invoices>", subscriptions as "subscriptions: Json<Subscriptions>"
         from invoices where org_id = any($1)"#,
        orgs
    );
    let rows = rows.fetch_all(conn).await?;
    let rows = rows.into_iter().map(|row| (row.org_id, row.invoices.0, row.subscriptions.map(|it| it.0)));
    Ok(rows.map(|(org, invoices, subscriptions)| (org, invoices, subscriptions.unwrap_or_default())).collect())
}

/// Returns the invoices and the record of subscriptions of one organization.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn find_billing_facts(conn: &mut PgConnection, org: OrgId) -> Result<(Invoices, Subscriptions)> {
    let known = list_billing_facts(conn, &[org.0]).await?.into_iter().next();
    Ok(known.map(|(_, invoices, subscriptions)| (invoices, subscriptions)).unwrap_or_default())
}

/// Writes the invoices, the record of subscriptions, or both. A `None` leaves the stored value unchanged.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn upsert_billing_facts(
    conn: &mut PgConnection,
    org: Uuid,
    invoices: Option<&Invoices>,
    subscriptions: Option<&Subscriptions>,
) -> Result<()> {
    let done = sqlx::query!(
        "insert into invoices (org_id, invoices, subscriptions) values ($1, coalesce($2, '{}'::jsonb), $3)
         on conflict (org_id) do update set invoices = coalesce($2, invoices.invoices),
             subscriptions = coalesce($3, invoices.subscriptions)",
        org,
        invoices.map(Json) as Option<Json<&Invoices>>,
        subscriptions.map(Json) as Option<Json<&Subscriptions>>
    )
    .execute(conn)
    .await?;
    expect_rows(done, 1, "invoices", org)
}

/// Appends a step to the log and queues the email about it.
#[tracing::instrument(level = "trace", skip_all)]
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

/// Returns the latest license steps of an organization, newest first.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn list(conn: &mut PgConnection, org: OrgId, limit: i64) -> Result<Vec<Logged>> {
    let rows = sqlx::query!(
        r#"select l.transaction_id, l.number, l.at, l.state, l.since, l.off, l.staff_id, l.reason, u.display_name as "person?"
         from ai_token_license_log l left join users u on u.id = l.staff_id
         where l.org_id = $1 order by l.booked_at desc, l.transaction_id desc, l.number desc limit $2"#,
        org.0,
        limit
    );
    let rows = rows.fetch_all(conn).await?.into_iter().map(|row| {
        let (table, id) = ("ai_token_license_log", format_args!("{}/{}", row.transaction_id, row.number));
        let off = Restriction::parse(&row.off).ok_or_else(|| unknown(table, "off", id, &row.off))?;
        let by = row.staff_id.zip(row.reason).map(|(user, reason)| {
            decode(table, "reason", id, reason).map(|reason| StaffAction { user: UserId(user), reason })
        });
        let (license, by) = (accounts::license(table, "state", id, &row.state, row.since)?, by.transpose()?);
        Ok(Logged { step: LicenseStep { at: row.at, license, off, by }, person: row.person })
    });
    rows.collect()
}
