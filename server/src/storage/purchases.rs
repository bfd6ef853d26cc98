//! `ai_token_purchases`: packs that are ordered, and what Stripe has told of their payment.

use std::collections::BTreeMap;

use brightmeter::{
    billing::payment::{Credit, Payment, Purchase},
    ids::{MemberId, OrgId, PurchaseId},
    ledger::tokens::Tokens,
    names::TokenType,
    time::Instant,
};
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use super::{Result, decode};

struct Row {
    org_id: Uuid,
    id: Uuid,
    pack: String,
    label: String,
    price_cents: i64,
    tokens: Json<BTreeMap<TokenType, Tokens>>,
    payment: Json<Payment>,
    credit: Option<Json<Credit>>,
}

impl Row {
    fn decode(self) -> Result<(Uuid, Purchase)> {
        let purchase = Purchase {
            id: PurchaseId(self.id),
            pack: decode("pack", self.pack)?,
            label: self.label,
            price_cents: decode("price", self.price_cents)?,
            tokens: self.tokens.0,
            payment: self.payment.0,
            credit: self.credit.map(|credit| credit.0),
        };
        Ok((self.org_id, purchase))
    }
}

/// A purchase as its organization sees it.
#[derive(Clone, Debug)]
pub struct Order {
    /// What was ordered, and what became of it.
    pub purchase: Purchase,
    /// Who ordered it.
    pub member: MemberId,
    /// When.
    pub ordered_at: Instant,
    /// Where it can be paid, once Stripe has said.
    pub checkout: Option<Checkout>,
}

/// Where an order can be paid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkout {
    /// Stripe's name of the session: `cs_…`.
    pub session: String,
    /// Stripe's page.
    pub url: String,
    /// Until when.
    pub until: Instant,
}

/// Records an order, before Stripe is asked; one that is on record stays as it is.
///
/// # Errors
/// [`StorageError`](super::StorageError).
pub async fn insert(
    conn: &mut PgConnection,
    org: OrgId,
    purchase: &Purchase,
    member: MemberId,
    now: Instant,
) -> Result<()> {
    sqlx::query!(
        "insert into ai_token_purchases (org_id, id, pack, label, price_cents, tokens, member_id, ordered_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (org_id, id) do nothing",
        org.0,
        purchase.id.0,
        purchase.pack.as_str(),
        purchase.label,
        i64::from(purchase.price_cents),
        Json(&purchase.tokens) as Json<&BTreeMap<TokenType, Tokens>>,
        member.0,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Notes where an order can be paid, and until when.
///
/// # Errors
/// [`StorageError`](super::StorageError).
pub async fn set_checkout(conn: &mut PgConnection, org: OrgId, id: PurchaseId, checkout: &Checkout) -> Result<()> {
    sqlx::query!(
        "update ai_token_purchases set session_id = $3, checkout_url = $4, checkout_until = $5 where org_id = $1 and id = $2",
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

/// The `named` purchases, as organization and id, and those of `orgs` that are at stake.
///
/// # Errors
/// [`StorageError`](super::StorageError).
pub async fn list_for_writer(
    conn: &mut PgConnection,
    orgs: &[Uuid],
    named: &[(Uuid, PurchaseId)],
) -> Result<Vec<(Uuid, Purchase)>> {
    let (named_orgs, named_ids): (Vec<Uuid>, Vec<Uuid>) = named.iter().map(|(org, id)| (*org, id.0)).unzip();
    let rows = sqlx::query_as!(
        Row,
        r#"select org_id as "org_id!", id as "id!", pack as "pack!", label as "label!", price_cents as "price_cents!",
             tokens as "tokens!: Json<BTreeMap<TokenType, Tokens>>", payment as "payment!: Json<Payment>",
             credit as "credit?: Json<Credit>"
         from (
             select * from ai_token_purchases where org_id = any($1) and at_stake
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

/// Writes what is known of a payment, and what was made of it.
///
/// # Errors
/// [`StorageError`](super::StorageError).
pub async fn update(conn: &mut PgConnection, org: Uuid, purchase: &Purchase) -> Result<()> {
    let names = &purchase.payment.stripe_ids;
    sqlx::query!(
        "update ai_token_purchases set payment = $3, stage = $4, credit = $5, number = $6, at_stake = $7,
             session_id = coalesce($8, session_id), payment_intent = $9, charge = $10
         where org_id = $1 and id = $2",
        org,
        purchase.id.0,
        Json(&purchase.payment) as Json<&Payment>,
        purchase.payment.stage.as_str(),
        purchase.credit.as_ref().map(Json) as Option<Json<&Credit>>,
        purchase.credit.as_ref().map(|credit| credit.number),
        purchase.is_at_stake(),
        names.session.as_deref(),
        names.payment_intent.as_deref(),
        names.charge.as_deref(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Whose purchase it is that Stripe knows by this name, of its session, payment or charge. The transaction has to be of
/// [`begin_told`](super::tenant::begin_told).
///
/// # Errors
/// [`StorageError`](super::StorageError).
pub async fn find_told(conn: &mut PgConnection, stripe_id: &str) -> Result<Option<(OrgId, PurchaseId)>> {
    let row = sqlx::query!(
        "select org_id, id from ai_token_purchases where session_id = $1
         union select org_id, id from ai_token_purchases where payment_intent = $1
         union select org_id, id from ai_token_purchases where charge = $1",
        stripe_id
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.and_then(|row| Some((OrgId(row.org_id?), PurchaseId(row.id?)))))
}

/// A page of the purchases that were credited, in the order of their ids: what the audit follows.
///
/// # Errors
/// [`StorageError`](super::StorageError).
pub async fn list_credited(
    conn: &mut PgConnection,
    org: OrgId,
    after: Option<PurchaseId>,
    limit: i64,
) -> Result<Vec<Purchase>> {
    let rows = sqlx::query_as!(
        Row,
        r#"select org_id, id, pack, label, price_cents, tokens as "tokens: Json<BTreeMap<TokenType, Tokens>>",
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
        let (org_id, id, pack, label, price_cents) = (self.org_id, self.id, self.pack, self.label, self.price_cents);
        let (tokens, payment, credit) = (self.tokens, self.payment, self.credit);
        let (_, purchase) = Row { org_id, id, pack, label, price_cents, tokens, payment, credit }.decode()?;
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

/// One purchase.
///
/// # Errors
/// [`StorageError`](super::StorageError).
pub async fn find(conn: &mut PgConnection, org: OrgId, id: PurchaseId) -> Result<Option<Order>> {
    let row = sqlx::query_as!(
        OrderRow,
        r#"select org_id, id, pack, label, price_cents, tokens as "tokens: Json<BTreeMap<TokenType, Tokens>>",
             payment as "payment: Json<Payment>", credit as "credit: Json<Credit>", member_id, ordered_at, session_id,
             checkout_url, checkout_until
         from ai_token_purchases where org_id = $1 and id = $2"#,
        org.0,
        id.0
    );
    row.fetch_optional(conn).await?.map(OrderRow::decode).transpose()
}

/// A page of the purchases of `org` that were ordered at or after `since`, in the order of their ids.
///
/// # Errors
/// [`StorageError`](super::StorageError).
pub async fn list_since(
    conn: &mut PgConnection,
    org: OrgId,
    since: Instant,
    after: Option<PurchaseId>,
    limit: i64,
) -> Result<Vec<Order>> {
    let rows = sqlx::query_as!(
        OrderRow,
        r#"select org_id, id, pack, label, price_cents, tokens as "tokens: Json<BTreeMap<TokenType, Tokens>>",
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

/// How many orders of `org` wait to be paid that were made at or after `since`.
///
/// # Errors
/// [`StorageError`](super::StorageError).
pub async fn count_open(conn: &mut PgConnection, org: OrgId, since: Instant) -> Result<i64> {
    Ok(sqlx::query_scalar!(
        r#"select count(*) as "count!" from ai_token_purchases where org_id = $1 and ordered_at >= $2 and stage = 'open'"#,
        org.0,
        since
    )
    .fetch_one(conn)
    .await?)
}

/// The purchases of `org`, newest first.
///
/// # Errors
/// [`StorageError`](super::StorageError).
pub async fn list(conn: &mut PgConnection, org: OrgId, limit: i64) -> Result<Vec<Order>> {
    let rows = sqlx::query_as!(
        OrderRow,
        r#"select org_id, id, pack, label, price_cents, tokens as "tokens: Json<BTreeMap<TokenType, Tokens>>",
             payment as "payment: Json<Payment>", credit as "credit: Json<Credit>", member_id, ordered_at, session_id,
             checkout_url, checkout_until
         from ai_token_purchases where org_id = $1 order by ordered_at desc, id desc limit $2"#,
        org.0,
        limit
    );
    rows.fetch_all(conn).await?.into_iter().map(OrderRow::decode).collect()
}
