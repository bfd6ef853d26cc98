//! `ai_token_plan_orders`: plan choices of members, and their Checkout sessions.
//!
//! All functions return [`StorageError`](super::StorageError) if the database fails.

use brightmeter::{
    billing::money::Currency,
    ids::{MemberId, OrgId, PlanOrderId},
    names::PlanName,
    time::Instant,
};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Result, decode, expect_rows, purchases::Checkout};

const TABLE: &str = "ai_token_plan_orders";

/// A plan order: a member's choice of a plan.
#[derive(Clone, Debug)]
pub struct PlanOrder {
    /// The order's id.
    pub id: PlanOrderId,
    /// The plan.
    pub plan: PlanName,
    /// The currency to subscribe in. A subscription that exists keeps its own.
    pub currency: Currency,
    /// When the member chose it.
    pub ordered_at: Instant,
    /// The Checkout session to subscribe in. `None` before Stripe has opened one.
    pub checkout: Option<Checkout>,
    /// When the subscription was changed or the page closed.
    pub done_at: Option<Instant>,
}

struct Row {
    id: Uuid,
    plan: String,
    currency: String,
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
        let plan = decode(TABLE, "plan", self.id, self.plan)?;
        let currency = decode(TABLE, "currency", self.id, self.currency)?;
        let (id, ordered_at, done_at) = (PlanOrderId(self.id), self.ordered_at, self.done_at);
        Ok(PlanOrder { id, plan, currency, ordered_at, checkout, done_at })
    }
}

/// Records a plan order before the request to Stripe. Returns the stored order, which is the earlier one if the id
/// exists.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn insert(
    conn: &mut PgConnection,
    org: OrgId,
    id: PlanOrderId,
    (plan, currency): (&PlanName, Currency),
    member: MemberId,
    now: Instant,
) -> Result<PlanOrder> {
    sqlx::query!(
        "insert into ai_token_plan_orders (org_id, id, plan, currency, member_id, ordered_at)
         values ($1, $2, $3, $4, $5, $6) on conflict (org_id, id) do nothing",
        org.0,
        id.0,
        plan.as_str(),
        currency.as_str(),
        member.0,
        now
    )
    .execute(&mut *conn)
    .await?;
    let row = sqlx::query_as!(
        Row,
        "select id, plan, currency, ordered_at, session_id, checkout_url, checkout_until, done_at
         from ai_token_plan_orders where org_id = $1 and id = $2",
        org.0,
        id.0
    );
    row.fetch_one(conn).await?.decode()
}

/// Stores the Checkout session of a plan order.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn set_checkout(conn: &mut PgConnection, org: OrgId, id: PlanOrderId, checkout: &Checkout) -> Result<()> {
    let done = sqlx::query!(
        "update ai_token_plan_orders set session_id = $3, checkout_url = $4, checkout_until = $5 where org_id = $1 and id = $2",
        org.0,
        id.0,
        checkout.session,
        checkout.url,
        checkout.until
    )
    .execute(conn)
    .await?;
    expect_rows(done, 1, TABLE, id)
}

/// Marks a plan order as done.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn finish(conn: &mut PgConnection, org: OrgId, id: PlanOrderId, now: Instant) -> Result<()> {
    let done =
        sqlx::query!("update ai_token_plan_orders set done_at = $3 where org_id = $1 and id = $2", org.0, id.0, now)
            .execute(conn)
            .await?;
    expect_rows(done, 1, TABLE, id)
}

/// Returns the plan orders whose page may still be open, oldest first.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn list_open(conn: &mut PgConnection, org: OrgId, now: Instant) -> Result<Vec<PlanOrder>> {
    let rows = sqlx::query_as!(
        Row,
        "select id, plan, currency, ordered_at, session_id, checkout_url, checkout_until, done_at
         from ai_token_plan_orders where org_id = $1 and done_at is null and checkout_until > $2 order by ordered_at",
        org.0,
        now
    );
    rows.fetch_all(conn).await?.into_iter().map(Row::decode).collect()
}

/// Counts the plan orders of `org` at or after `since`.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn count(conn: &mut PgConnection, org: OrgId, since: Instant) -> Result<i64> {
    Ok(sqlx::query_scalar!(
        r#"select count(*) as "count!" from ai_token_plan_orders where org_id = $1 and ordered_at >= $2"#,
        org.0,
        since
    )
    .fetch_one(conn)
    .await?)
}
