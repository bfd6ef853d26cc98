//! Prices and customer portal sessions.

use axum::{
    Router,
    body::Bytes,
    extract::{Path, RawQuery, State as Shared},
    http::HeaderMap,
    response::Response,
    routing::{get, post},
};
use serde_json::Value;

use super::{
    idempotency::idempotent,
    lists::{Page, read},
};
use crate::demo::stripe_sandbox::{
    Sandbox,
    billing_records::{Interval, Price},
    error::ApiError,
    ids::new_id,
    objects,
    params::{AMOUNT_CENTS, Params, boolean, currency_code, required, web_url, whole_number},
    records::PortalSession,
    state::State,
};

pub(super) fn routes() -> Router<Sandbox> {
    Router::new()
        .route("/v1/prices", get(list).post(create_price))
        .route("/v1/prices/{id}", get(retrieve))
        .route("/v1/billing_portal/sessions", post(create_portal))
}

async fn list(Shared(sandbox): Shared<Sandbox>, RawQuery(query): RawQuery) -> Response {
    read(&sandbox, query, prices)
}

async fn retrieve(Shared(sandbox): Shared<Sandbox>, Path(id): Path<String>, RawQuery(query): RawQuery) -> Response {
    read(&sandbox, query, |state, params| {
        params.finish()?;
        state.prices.get(&id).map(objects::price).ok_or_else(|| ApiError::missing("price", "price", &id))
    })
}

async fn create_price(Shared(sandbox): Shared<Sandbox>, headers: HeaderMap, body: Bytes) -> Response {
    idempotent(&sandbox, &headers, "/v1/prices", &body, price)
}

async fn create_portal(Shared(sandbox): Shared<Sandbox>, headers: HeaderMap, body: Bytes) -> Response {
    idempotent(&sandbox, &headers, "/v1/billing_portal/sessions", &body, portal)
}

/// Lists the prices with a lookup key. All are active.
fn prices(state: &State, mut params: Params) -> Result<Value, ApiError> {
    const KEY: &str = "lookup_keys[0]";
    let (page, active, key) = (Page::take(&mut params)?, params.take("active"), params.take(KEY));
    params.finish()?;
    let (active, key) = (active.map(|active| boolean("active", &active)).transpose()?, required(KEY, key)?);
    let found = state.prices.values().filter(|price| active != Some(false) && price.lookup_key == key);
    page.list("prices", found.map(objects::price).collect())
}

fn price(state: &mut State, mut params: Params, now: i64) -> Result<Value, ApiError> {
    const INTERVAL: &str = "recurring[interval]";
    const NAME: &str = "product_data[name]";
    let [currency, unit_amount, lookup_key] = ["currency", "unit_amount", "lookup_key"].map(|param| params.take(param));
    let [interval, name, transfer] = [INTERVAL, NAME, "transfer_lookup_key"].map(|param| params.take(param));
    let metadata = params.take_map("metadata");
    params.take_exclusive("tax_behavior")?;
    // Products are shown by name only.
    params.take_map("product_data[metadata]");
    params.finish()?;
    let currency = currency_code("currency", required("currency", currency)?)?;
    let interval = match required(INTERVAL, interval)?.as_str() {
        "month" => Interval::Month,
        "year" => Interval::Year,
        _ => return Err(ApiError::choices(INTERVAL, "month or year")),
    };
    let lookup_key = required("lookup_key", lookup_key)?;
    for price in state.prices.values_mut().filter(|price| price.lookup_key == lookup_key) {
        if transfer.as_deref() != Some("true") {
            let message = format!("A price (`{lookup_key}`) already uses that lookup key.");
            return Err(ApiError::param("lookup_key", "resource_already_exists", message));
        }
        price.lookup_key.clear();
    }
    let price = Price {
        id: new_id("price_"),
        created: now,
        product: new_id("prod_"),
        name: required(NAME, name)?,
        lookup_key,
        unit_cents: whole_number("unit_amount", &required("unit_amount", unit_amount)?, &AMOUNT_CENTS)?,
        currency,
        interval,
        metered: false,
        metadata,
    };
    let object = objects::price(&price);
    state.prices.insert(price.id.clone(), price);
    Ok(object)
}

fn portal(state: &mut State, mut params: Params, now: i64) -> Result<Value, ApiError> {
    let [customer, return_url] = ["customer", "return_url"].map(|param| params.take(param));
    params.finish()?;
    let customer = required("customer", customer)?;
    state.check_customer(Some(&customer))?;
    let return_url = web_url("return_url", required("return_url", return_url)?)?;
    let portal = PortalSession { id: new_id("bps_"), created: now, customer, return_url };
    let object = objects::portal(&portal, &state.base);
    state.portal_sessions.insert(portal.id.clone(), portal);
    Ok(object)
}
