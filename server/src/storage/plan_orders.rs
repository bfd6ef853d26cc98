//! `ai_token_plan_orders`: plans that were chosen, and where they can be paid.

use brightmeter::{
    ids::{MemberId, OrgId, PlanOrderId},
    names::PlanName,
    time::Instant,
};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Result, decode, purchases::Checkout};

/// A plan that was chosen.
#[derive(Clone, Debug)]
pub struct PlanOrder {
    /// Its id.
    pub id: PlanOrderId,
    /// The plan.
    pub plan: PlanName,
    /// When it was chosen.
    pub ordered_at: Instant,
    /// Where it can be subscribed to.
    pub checkout: Option<Checkout>,
    /// When the subscription was changed, or the page closed.
    pub done_at: Option<Instant>,
}

struct Row {
    id: Uuid,
    plan: String,
    ordered_at: Instant,
    session_id: Option<String>,
    checkout_url: Option<String>,
    checkout_until: Option<Instant>,
    done_at: Option<Instant>,
}

impl Row {
    fn decode(self) -> Result<PlanOrder> {
        let checkout = match (self.session_id, self.checkout_url, self.checkout_until) {
            (Some(session), Some(url), Some(until)) => Some(Checkout { session, url, until }),
            _ => None,
        };
        let (id, ordered_at, done_at) = (PlanOrderId(self.id), self.ordered_at, self.done_at);
        Ok(PlanOrder { id, plan: decode("plan", self.plan)?, ordered_at, checkout, done_at })
    }
}

/// Records a choice, before Stripe is asked; one that is on record stays as it is. Answers with what is on record.
///
/// # Errors
/// [`StorageError`](super::StorageError).
pub async fn insert(
    conn: &mut PgConnection,
    org: OrgId,
    id: PlanOrderId,
    plan: &PlanName,
    member: MemberId,
    now: Instant,
) -> Result<PlanOrder> {
    sqlx::query!(
        "insert into ai_token_plan_orders (org_id, id, plan, member_id, ordered_at) values ($1, $2, $3, $4, $5)
         on conflict (org_id, id) do nothing",
        org.0,
        id.0,
        plan.as_str(),
        member.0,
        now
    )
    .execute(&mut *conn)
    .await?;
    let row = sqlx::query_as!(
        Row,
        "select id, plan, ordered_at, session_id, checkout_url, checkout_until, done_at
         from ai_token_plan_orders where org_id = $1 and id = $2",
        org.0,
        id.0
    );
    row.fetch_one(conn).await?.decode()
}

/// Notes where a plan can be subscribed to, and until when.
///
/// # Errors
/// [`StorageError`](super::StorageError).
pub async fn set_checkout(conn: &mut PgConnection, org: OrgId, id: PlanOrderId, checkout: &Checkout) -> Result<()> {
    sqlx::query!(
        "update ai_token_plan_orders set session_id = $3, checkout_url = $4, checkout_until = $5 where org_id = $1 and id = $2",
        org.0,
        id.0,
        checkout.session,
        checkout.url,
        checkout.until
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Notes that nothing more is to be done about a choice.
///
/// # Errors
/// [`StorageError`](super::StorageError).
pub async fn finish(conn: &mut PgConnection, org: OrgId, id: PlanOrderId, now: Instant) -> Result<()> {
    sqlx::query!("update ai_token_plan_orders set done_at = $3 where org_id = $1 and id = $2", org.0, id.0, now)
        .execute(conn)
        .await?;
    Ok(())
}

/// Choices whose page may still be open, the oldest first.
///
/// # Errors
/// [`StorageError`](super::StorageError).
pub async fn list_open(conn: &mut PgConnection, org: OrgId, now: Instant) -> Result<Vec<PlanOrder>> {
    let rows = sqlx::query_as!(
        Row,
        "select id, plan, ordered_at, session_id, checkout_url, checkout_until, done_at
         from ai_token_plan_orders where org_id = $1 and done_at is null and checkout_until > $2 order by ordered_at",
        org.0,
        now
    );
    rows.fetch_all(conn).await?.into_iter().map(Row::decode).collect()
}

/// How many choices of `org` were made at or after `since`.
///
/// # Errors
/// [`StorageError`](super::StorageError).
pub async fn count(conn: &mut PgConnection, org: OrgId, since: Instant) -> Result<i64> {
    Ok(sqlx::query_scalar!(
        r#"select count(*) as "count!" from ai_token_plan_orders where org_id = $1 and ordered_at >= $2"#,
        org.0,
        since
    )
    .fetch_one(conn)
    .await?)
}
