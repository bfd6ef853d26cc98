//! `ai_token_purchases` and `stripe_payment_ids`: orders of packs and their payments.
//!
//! All functions return [`StorageError`](super::StorageError) if the database fails.

use std::collections::BTreeMap;

use brightmeter::{
    billing::{
        money::Money,
        payment::{Credit, Payment, Purchase},
    },
    ids::{MemberId, OrgId, PurchaseId},
    ledger::tokens::Tokens,
    names::TokenType,
    time::Instant,
};
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use super::{Result, corrupt, decode, expect_rows};

const TABLE: &str = "ai_token_purchases";

struct Row {
    org_id: Uuid,
    id: Uuid,
    pack: String,
    label: String,
    price_cents: i64,
    currency: String,
    tokens: Json<BTreeMap<TokenType, Tokens>>,
    payment: Json<Payment>,
    credit: Option<Json<Credit>>,
}

impl Row {
    fn decode(self) -> Result<(Uuid, Purchase)> {
        let purchase = Purchase {
            id: PurchaseId(self.id),
            pack: decode(TABLE, "pack", self.id, self.pack)?,
            label: self.label,
            price: Money { minor: self.price_cents, currency: decode(TABLE, "currency", self.id, self.currency)? },
            tokens: self.tokens.0,
            payment: self.payment.0,
            credit: self.credit.map(|credit| credit.0),
        };
        Ok((self.org_id, purchase))
    }
}

/// A purchase with its order.
#[derive(Clone, Debug)]
pub struct Order {
    /// The purchase and its payment.
    pub purchase: Purchase,
    /// The member who ordered it.
    pub member: MemberId,
    /// When it was ordered.
    pub ordered_at: Instant,
    /// The Checkout session to pay in. `None` before Stripe has opened one.
    pub checkout: Option<Checkout>,
}

/// An open Checkout session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkout {
    /// The session's Stripe id: `cs_…`.
    pub session: String,
    /// The URL of Stripe's page.
    pub url: String,
    /// When the page closes.
    pub until: Instant,
}

/// Records an order before the request to Stripe. Changes nothing if the id exists.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn insert(
    conn: &mut PgConnection,
    org: OrgId,
    purchase: &Purchase,
    member: MemberId,
    now: Instant,
) -> Result<()> {
    sqlx::query!(
        "insert into ai_token_purchases (org_id, id, pack, label, price_cents, currency, tokens, member_id, ordered_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict (org_id, id) do nothing",
        org.0,
        purchase.id.0,
        purchase.pack.as_str(),
        purchase.label,
        purchase.price.minor,
        purchase.price.currency.as_str(),
        Json(&purchase.tokens) as Json<&BTreeMap<TokenType, Tokens>>,
        member.0,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Stores the Checkout session of an order.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn set_checkout(conn: &mut PgConnection, org: OrgId, id: PurchaseId, checkout: &Checkout) -> Result<()> {
    let done = sqlx::query!(
        "update ai_token_purchases set session_id = $3, checkout_url = $4, checkout_until = $5 where org_id = $1 and id = $2",
        org.0,
        id.0,
        checkout.session,
        checkout.url,
        checkout.until
    )
    .execute(&mut *conn)
    .await?;
    expect_rows(done, 1, TABLE, id)?;
    insert_stripe_ids(conn, org.0, id, &[&checkout.session]).await
}

/// Records that the Stripe ids belong to a purchase. Ids that are recorded already must belong to the same one.
async fn insert_stripe_ids(conn: &mut PgConnection, org: Uuid, id: PurchaseId, stripe_ids: &[&str]) -> Result<()> {
    sqlx::query!(
        "insert into stripe_payment_ids (stripe_id, org_id, purchase_id)
         select unnest($1::text[]), $2, $3 on conflict (stripe_id) do nothing",
        stripe_ids as &[&str],
        org,
        id.0
    )
    .execute(&mut *conn)
    .await?;
    let other = sqlx::query_scalar!(
        "select wanted.id from unnest($1::text[]) wanted(id) where not exists (
             select from stripe_payment_ids s where s.stripe_id = wanted.id and s.org_id = $2 and s.purchase_id = $3)",
        stripe_ids as &[&str],
        org,
        id.0
    );
    match other.fetch_optional(conn).await?.flatten() {
        Some(stripe_id) => {
            Err(corrupt("stripe_payment_ids", "purchase_id", stripe_id, format_args!("another purchase than {id}")))
        }
        None => Ok(()),
    }
}

/// Returns the purchases in `named`, each an organization and an id, and the purchases of `orgs` that need
/// reconciliation.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn list_for_writer(
    conn: &mut PgConnection,
    orgs: &[Uuid],
    named: &[(Uuid, PurchaseId)],
) -> Result<Vec<(Uuid, Purchase)>> {
    let (named_orgs, named_ids): (Vec<Uuid>, Vec<Uuid>) = named.iter().map(|(org, id)| (*org, id.0)).unzip();
    let rows = sqlx::query_as!(
        Row,
        r#"select org_id as "org_id!", id as "id!", pack as "pack!", label as "label!", price_cents as "price_cents!",
             currency as "currency!",
             tokens as "tokens!: Json<BTreeMap<TokenType, Tokens>>", payment as "payment!: Json<Payment>",
             credit as "credit?: Json<Credit>"
         from (
             select * from ai_token_purchases where org_id = any($1) and needs_reconciliation
             union
             select p.* from unnest($2::uuid[], $3::uuid[]) n(org_id, id) cross join lateral (
                 select * from ai_token_purchases p where p.org_id = n.org_id and p.id = n.id limit 1
             ) p
         ) p"#,
        orgs,
        &named_orgs,
        &named_ids
    );
    rows.fetch_all(conn).await?.into_iter().map(Row::decode).collect()
}

/// Writes the payment and the credit of a purchase.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn update(conn: &mut PgConnection, org: Uuid, purchase: &Purchase) -> Result<()> {
    let ids = &purchase.payment.stripe_ids;
    let done = sqlx::query!(
        "update ai_token_purchases set payment = $3, stage = $4, credit = $5, number = $6, needs_reconciliation = $7,
             session_id = coalesce($8, session_id)
         where org_id = $1 and id = $2",
        org,
        purchase.id.0,
        Json(&purchase.payment) as Json<&Payment>,
        purchase.payment.stage.as_str(),
        purchase.credit.as_ref().map(Json) as Option<Json<&Credit>>,
        purchase.credit.as_ref().map(|credit| credit.number),
        purchase.needs_reconciliation(),
        ids.session.as_deref(),
    )
    .execute(&mut *conn)
    .await?;
    expect_rows(done, 1, TABLE, purchase.id)?;
    let ids: Vec<&str> = ids.names().map(String::as_str).collect();
    if ids.is_empty() { Ok(()) } else { insert_stripe_ids(conn, org, purchase.id, &ids).await }
}

/// Returns the purchase of a Checkout session, payment intent or charge, and its organization. Needs a transaction from
/// [`begin_for_stripe_id`](super::tenant::begin_for_stripe_id).
#[tracing::instrument(level = "trace", skip_all)]
pub async fn find_by_stripe_id(conn: &mut PgConnection, stripe_id: &str) -> Result<Option<(OrgId, PurchaseId)>> {
    let row = sqlx::query!("select org_id, purchase_id from stripe_payment_ids where stripe_id = $1", stripe_id)
        .fetch_optional(conn)
        .await?;
    Ok(row.map(|row| (OrgId(row.org_id), PurchaseId(row.purchase_id))))
}

/// Returns a page of the credited purchases after the id `after`, by id.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn list_credited(
    conn: &mut PgConnection,
    org: OrgId,
    after: Option<PurchaseId>,
    limit: i64,
) -> Result<Vec<Purchase>> {
    let rows = sqlx::query_as!(
        Row,
        r#"select org_id, id, pack, label, price_cents, currency, tokens as "tokens: Json<BTreeMap<TokenType, Tokens>>",
             payment as "payment: Json<Payment>", credit as "credit: Json<Credit>"
         from ai_token_purchases where org_id = $1 and id > $2 and credit is not null order by id limit $3"#,
        org.0,
        after.map_or(Uuid::nil(), |id| id.0),
        limit
    );
    rows.fetch_all(conn).await?.into_iter().map(|row| Ok(row.decode()?.1)).collect()
}

struct OrderRow {
    org_id: Uuid,
    id: Uuid,
    pack: String,
    label: String,
    price_cents: i64,
    currency: String,
    tokens: Json<BTreeMap<TokenType, Tokens>>,
    payment: Json<Payment>,
    credit: Option<Json<Credit>>,
    member_id: Uuid,
    ordered_at: Instant,
    session_id: Option<String>,
    checkout_url: Option<String>,
    checkout_until: Option<Instant>,
}

impl OrderRow {
    fn decode(self) -> Result<Order> {
        let Self { org_id, id, pack, label, price_cents, currency, tokens, payment, credit, .. } = self;
        let (_, purchase) = Row { org_id, id, pack, label, price_cents, currency, tokens, payment, credit }.decode()?;
        Ok(Order {
            purchase,
            member: MemberId(self.member_id),
            ordered_at: self.ordered_at,
            checkout: match (self.session_id, self.checkout_url, self.checkout_until) {
                (Some(session), Some(url), Some(until)) => Some(Checkout { session, url, until }),
                _ => None,
            },
        })
    }
}

/// Returns a purchase, or `None` if it doesn't exist.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn find(conn: &mut PgConnection, org: OrgId, id: PurchaseId) -> Result<Option<Order>> {
    let row = sqlx::query_as!(
        OrderRow,
        r#"select org_id, id, pack, label, price_cents, currency, tokens as "tokens: Json<BTreeMap<TokenType, Tokens>>",
             payment as "payment: Json<Payment>", credit as "credit: Json<Credit>", member_id, ordered_at, session_id,
             checkout_url, checkout_until
         from ai_token_purchases where org_id = $1 and id = $2"#,
        org.0,
        id.0
    );
    row.fetch_optional(conn).await?.map(OrderRow::decode).transpose()
}

/// Returns a page of the purchases of `org` ordered at or after `since`, after the id `after`, by id.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn list_since(
    conn: &mut PgConnection,
    org: OrgId,
    since: Instant,
    after: Option<PurchaseId>,
    limit: i64,
) -> Result<Vec<Order>> {
    let rows = sqlx::query_as!(
        OrderRow,
        r#"select org_id, id, pack, label, price_cents, currency, tokens as "tokens: Json<BTreeMap<TokenType, Tokens>>",
             payment as "payment: Json<Payment>", credit as "credit: Json<Credit>", member_id, ordered_at, session_id,
             checkout_url, checkout_until
         from ai_token_purchases where org_id = $1 and ordered_at >= $2 and id > $3 order by id limit $4"#,
        org.0,
        since,
        after.map_or(Uuid::nil(), |id| id.0),
        limit
    );
    rows.fetch_all(conn).await?.into_iter().map(OrderRow::decode).collect()
}

/// Counts the unpaid orders of `org` at or after `since`.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn count_open(conn: &mut PgConnection, org: OrgId, since: Instant) -> Result<i64> {
    Ok(sqlx::query_scalar!(
        r#"select count(*) as "count!" from ai_token_purchases where org_id = $1 and ordered_at >= $2 and stage = 'open'"#,
        org.0,
        since
    )
    .fetch_one(conn)
    .await?)
}

/// Returns the purchases of `org`, newest first.
#[tracing::instrument(level = "trace", skip_all)]
pub async fn list(conn: &mut PgConnection, org: OrgId, limit: i64) -> Result<Vec<Order>> {
    let rows = sqlx::query_as!(
        OrderRow,
        r#"select org_id, id, pack, label, price_cents, currency, tokens as "tokens: Json<BTreeMap<TokenType, Tokens>>",
             payment as "payment: Json<Payment>", credit as "credit: Json<Credit>", member_id, ordered_at, session_id,
             checkout_url, checkout_until
         from ai_token_purchases where org_id = $1 order by ordered_at desc, id desc limit $2"#,
        org.0,
        limit
    );
    rows.fetch_all(conn).await?.into_iter().map(OrderRow::decode).collect()
}
