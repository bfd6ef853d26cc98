//! Subscriptions: lists, updates, and previews of an update's invoice.

use axum::{
    Router,
    body::Bytes,
    extract::{Path, Query, State as Shared},
    http::HeaderMap,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::Value;

use super::{
    idempotency::idempotent,
    lists::{default_limit, list_response},
};
use crate::demo::stripe_sandbox::{
    Sandbox,
    error::ApiError,
    objects,
    params::{Params, required, whole_number},
    proration::Proration,
    records::{BillingReason, InvoiceLine, Price, Subscription, SubscriptionStatus},
    state::State,
};

pub(super) fn routes() -> Router<Sandbox> {
    Router::new()
        .route("/v1/subscriptions", get(list))
        .route("/v1/subscriptions/{id}", post(change))
        .route("/v1/invoices", get(list_invoices))
        .route("/v1/invoices/create_preview", post(create_preview))
}

/// The query of a subscription list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SubscriptionFilter {
    customer: String,
    /// As at Stripe, ended subscriptions are only listed if `status=all`.
    status: Option<StatusFilter>,
    #[serde(default = "default_limit")]
    limit: usize,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum StatusFilter {
    All,
}

/// A change of the price.
struct Change {
    price: Price,
    proration: Option<Proration>,
    /// The instant that the proration starts at.
    at: i64,
}

/// The parameter names of a price change.
struct ParamNames {
    item: &'static str,
    price: &'static str,
    quantity: &'static str,
    behavior: &'static str,
    date: &'static str,
}

const UPDATE: ParamNames = ParamNames {
    item: "items[0][id]",
    price: "items[0][price]",
    quantity: "items[0][quantity]",
    behavior: "proration_behavior",
    date: "proration_date",
};
const PREVIEW: ParamNames = ParamNames {
    item: "subscription_details[items][0][id]",
    price: "subscription_details[items][0][price]",
    quantity: "subscription_details[items][0][quantity]",
    behavior: "subscription_details[proration_behavior]",
    date: "subscription_details[proration_date]",
};

async fn list(Shared(sandbox): Shared<Sandbox>, Query(filter): Query<SubscriptionFilter>) -> Response {
    let state = sandbox.state();
    if !state.customers.contains_key(&filter.customer) {
        return ApiError::unknown("customer", "customer", &filter.customer).into_response();
    }
    let all = state.subscriptions_of(&filter.customer).into_iter();
    let shown = all.filter(|it| filter.status.is_some() || it.ended_at().is_none());
    list_response("subscriptions", filter.limit, shown.map(objects::subscription).collect())
}

/// The query of an invoice list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InvoiceFilter {
    customer: String,
    #[serde(default = "default_limit")]
    limit: usize,
}

async fn list_invoices(Shared(sandbox): Shared<Sandbox>, Query(filter): Query<InvoiceFilter>) -> Response {
    let state = sandbox.state();
    if !state.customers.contains_key(&filter.customer) {
        return ApiError::unknown("customer", "customer", &filter.customer).into_response();
    }
    let mut found: Vec<_> = state.invoices.values().filter(|it| it.customer == filter.customer).collect();
    // As at Stripe, the newest first.
    found.sort_by_key(|it| std::cmp::Reverse(it.number));
    list_response("invoices", filter.limit, found.into_iter().map(|it| objects::invoice(it, &state.base)).collect())
}

async fn change(Shared(sandbox): Shared<Sandbox>, Path(id): Path<String>, headers: HeaderMap, body: Bytes) -> Response {
    let path = format!("/v1/subscriptions/{id}");
    idempotent(&sandbox, &headers, &path, &body, |state, params, now| update(state, &id, params, now))
}

async fn create_preview(Shared(sandbox): Shared<Sandbox>, headers: HeaderMap, body: Bytes) -> Response {
    idempotent(&sandbox, &headers, "/v1/invoices/create_preview", &body, preview)
}

/// Updates a subscription. All checks, including the card's, come before the first change.
fn update(state: &mut State, id: &str, mut params: Params, now: i64) -> Result<Value, ApiError> {
    let mut it =
        require_live(state.subscriptions.get(id).ok_or_else(|| ApiError::missing("id", "subscription", id))?)?.clone();
    let change = UPDATE.take(&mut params, state, &it, now)?;
    let only_if_paid = match params.take("payment_behavior").as_deref() {
        None | Some("allow_incomplete") => false,
        Some("error_if_incomplete") => true,
        Some(_) => return Err(invalid("payment_behavior", "allow_incomplete or error_if_incomplete")),
    };
    let cancels = match params.take("cancel_at_period_end").as_deref() {
        None => None,
        Some("true") => Some(true),
        Some("false") => Some(false),
        Some(_) => return Err(invalid("cancel_at_period_end", "true or false")),
    };
    let metadata = params.take_map("metadata");
    params.finish()?;
    let card_works = state.card_works(&it.customer);
    let due_cents = change.as_ref().and_then(|change| change.proration).map_or(0, Proration::due_cents);
    if due_cents > 0 && only_if_paid && !card_works {
        return Err(ApiError::card_declined());
    }

    match cancels {
        None => {}
        Some(true) => it.cancel_requested_at = it.cancel_requested_at.or(Some(now)),
        Some(false) => it.cancel_requested_at = None,
    }
    for (name, value) in metadata {
        // As at Stripe, an empty value removes the entry.
        if value.is_empty() {
            it.metadata.remove(&name);
        } else {
            it.metadata.insert(name, value);
        }
    }
    let mut invoice = None;
    if let Some(change) = change {
        let lines = change.lines(&it);
        it.price = change.price;
        if due_cents > 0 {
            invoice = Some(state.issue(&mut it, BillingReason::Update, lines, now));
        }
    }
    state.subscriptions.insert(id.to_owned(), it);
    if let Some(invoice) = invoice.as_ref().filter(|_| !card_works) {
        state.record_failure(invoice, now);
    }
    state.emit_subscription("customer.subscription.updated", id, now);
    if let Some(invoice) = invoice.filter(|_| card_works) {
        state.mark_paid(&invoice, now);
    }
    let it = state.subscriptions.get(id).ok_or_else(|| ApiError::missing("id", "subscription", id))?;
    Ok(objects::subscription(it))
}

fn preview(state: &mut State, mut params: Params, now: i64) -> Result<Value, ApiError> {
    let [customer, subscription] = ["customer", "subscription"].map(|param| params.take(param));
    let id = required("subscription", subscription)?;
    let it = state.subscriptions.get(&id).ok_or_else(|| ApiError::missing("subscription", "subscription", &id))?;
    let it = require_live(it)?;
    if customer.is_some_and(|customer| customer != it.customer) {
        return Err(ApiError::param("customer", "parameter_invalid", "The subscription belongs to another customer."));
    }
    let change = PREVIEW.take(&mut params, state, it, now)?;
    params.finish()?;
    let lines = change.map(|change| change.lines(it)).unwrap_or_default();
    Ok(objects::preview(it, &lines, now))
}

fn require_live(it: &Subscription) -> Result<&Subscription, ApiError> {
    if it.is_live() {
        return Ok(it);
    }
    Err(ApiError::invalid(format!("This subscription is {} and can't be changed.", it.status.name())))
}

fn invalid(param: &str, choices: &str) -> ApiError {
    ApiError::param(param, "parameter_invalid", format!("{param} must be {choices} in the sandbox."))
}

impl ParamNames {
    /// Takes the price change from the parameters. Returns `None` if they contain no price.
    fn take(
        &self,
        params: &mut Params,
        state: &State,
        of: &Subscription,
        now: i64,
    ) -> Result<Option<Change>, ApiError> {
        let names = [self.item, self.price, self.quantity, self.behavior, self.date];
        let [item, price, quantity, behavior, date] = names.map(|name| params.take(name));
        if let Some(quantity) = quantity {
            whole_number(self.quantity, &quantity, &(1..=1))?;
        }
        if let Some(item) = item.as_ref().filter(|item| **item != of.item) {
            return Err(ApiError::unknown(self.item, "subscription_item", item));
        }
        let prorates = match behavior.as_deref() {
            None => None,
            Some("none") => Some(false),
            Some("always_invoice") => Some(true),
            Some(_) => return Err(invalid(self.behavior, "none or always_invoice")),
        };
        let at = match date {
            None => now,
            Some(date) => {
                let at: Option<i64> = date.parse().ok();
                let at = at.filter(|at| (of.period.start..=of.period.end).contains(at));
                at.ok_or_else(|| invalid(self.date, "within the current period"))?
            }
        };
        let Some(price) = price else { return Ok(None) };
        // Without the item's id, Stripe would add a second item.
        required(self.item, item)?;
        // If it is missing, Stripe adds the difference to the next invoice, which the sandbox doesn't support.
        let prorates = prorates.ok_or_else(|| invalid(self.behavior, "none or always_invoice"))?;
        let price = state.prices.get(&price).ok_or_else(|| ApiError::unknown(self.price, "price", &price))?.clone();
        let is_prorated = prorates && of.status != SubscriptionStatus::Trialing && price.id != of.price.id;
        let proration = is_prorated.then(|| Proration::new(of.price.unit_cents, price.unit_cents, of.period, at));
        Ok(Some(Change { price, proration, at }))
    }
}

impl Change {
    /// Returns the invoice lines. `of` still has the old price.
    fn lines(&self, of: &Subscription) -> Vec<InvoiceLine> {
        self.proration.map(|proration| proration.lines(of, &self.price, self.at)).unwrap_or_default()
    }
}
