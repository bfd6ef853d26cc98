//! Subscriptions and their invoices: reads, and the routes of updates and previews.

use axum::{
    Router,
    body::Bytes,
    extract::{Path, RawQuery, State as Shared},
    http::HeaderMap,
    response::Response,
    routing::{get, post},
};
use serde_json::{Value, json};

use super::{
    expand::{Expand, LATEST_INVOICE, LISTED_LATEST_INVOICE, LISTED_PAYMENTS},
    idempotency::idempotent,
    lists::{Page, read},
    updates::{cancel, preview, resume, update},
};
use crate::demo::stripe_sandbox::{
    Sandbox,
    billing_records::{Invoice, Subscription},
    error::ApiError,
    invoice_objects,
    params::Params,
    payment_objects,
    state::State,
};

pub(super) fn routes() -> Router<Sandbox> {
    Router::new()
        .route("/v1/subscriptions", get(list))
        .route("/v1/subscriptions/{id}", get(retrieve).post(change).delete(end))
        .route("/v1/subscriptions/{id}/resume", post(restart))
        .route("/v1/invoices", get(list_invoices))
        .route("/v1/invoices/{id}", get(retrieve_invoice))
        .route("/v1/invoices/create_preview", post(create_preview))
}

async fn list(Shared(sandbox): Shared<Sandbox>, RawQuery(query): RawQuery) -> Response {
    read(&sandbox, query, subscriptions)
}

async fn retrieve(Shared(sandbox): Shared<Sandbox>, Path(id): Path<String>, RawQuery(query): RawQuery) -> Response {
    read(&sandbox, query, |state, mut params| {
        let expand = Expand::take(&mut params, &[LATEST_INVOICE])?;
        params.finish()?;
        let it = state.subscriptions.get(&id).ok_or_else(|| ApiError::missing("id", "subscription", &id))?;
        Ok(expand.subscription(state, it))
    })
}

async fn change(Shared(sandbox): Shared<Sandbox>, Path(id): Path<String>, headers: HeaderMap, body: Bytes) -> Response {
    let path = format!("/v1/subscriptions/{id}");
    idempotent(&sandbox, &headers, &path, &body, |state, params, now| update(state, &id, params, now))
}

async fn end(Shared(sandbox): Shared<Sandbox>, Path(id): Path<String>, headers: HeaderMap, body: Bytes) -> Response {
    let path = format!("DELETE /v1/subscriptions/{id}");
    idempotent(&sandbox, &headers, &path, &body, |state, params, now| cancel(state, &id, params, now))
}

async fn restart(
    Shared(sandbox): Shared<Sandbox>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let path = format!("/v1/subscriptions/{id}/resume");
    idempotent(&sandbox, &headers, &path, &body, |state, params, now| resume(state, &id, params, now))
}

async fn list_invoices(Shared(sandbox): Shared<Sandbox>, RawQuery(query): RawQuery) -> Response {
    read(&sandbox, query, invoices)
}

async fn retrieve_invoice(
    Shared(sandbox): Shared<Sandbox>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    read(&sandbox, query, |state, mut params| {
        Expand::take(&mut params, &[])?;
        params.finish()?;
        let it = state.invoices.get(&id).ok_or_else(|| ApiError::missing("invoice", "invoice", &id))?;
        Ok(invoice_objects::invoice(it, &state.base))
    })
}

async fn create_preview(Shared(sandbox): Shared<Sandbox>, headers: HeaderMap, body: Bytes) -> Response {
    idempotent(&sandbox, &headers, "/v1/invoices/create_preview", &body, preview)
}

fn subscriptions(state: &State, mut params: Params) -> Result<Value, ApiError> {
    let (expand, page) = (Expand::take(&mut params, &[LISTED_LATEST_INVOICE])?, Page::take(&mut params)?);
    let [customer, status] = ["customer", "status"].map(|name| params.take(name));
    params.finish()?;
    state.check_customer(customer.as_deref())?;
    let is_shown = |it: &Subscription| match status.as_deref() {
        // As at Stripe, ended subscriptions are only listed if the request says so.
        None => it.ended_at().is_none(),
        Some("all") => true,
        Some(status) => it.status.name() == status,
    };
    let is_theirs = |it: &Subscription| customer.as_ref().is_none_or(|customer| it.customer == *customer);
    let mut found: Vec<_> = state.subscriptions.values().filter(|it| is_theirs(it) && is_shown(it)).collect();
    found.sort_by_key(|it| std::cmp::Reverse(it.number));
    page.list("subscriptions", found.into_iter().map(|it| expand.subscription(state, it)).collect())
}

fn invoices(state: &State, mut params: Params) -> Result<Value, ApiError> {
    let expand = Expand::take(&mut params, &[LISTED_PAYMENTS])?;
    let page = Page::take(&mut params)?;
    let [customer, subscription, status] = ["customer", "subscription", "status"].map(|name| params.take(name));
    params.finish()?;
    state.check_customer(customer.as_deref())?;
    let is_found = |it: &&Invoice| {
        customer.as_ref().is_none_or(|customer| it.customer == *customer)
            && subscription.as_ref().is_none_or(|subscription| it.subscription == *subscription)
            && status.as_ref().is_none_or(|status| it.status.name() == status)
    };
    let mut found: Vec<_> = state.invoices.values().filter(is_found).collect();
    // As at Stripe, the newest first.
    found.sort_by_key(|it| std::cmp::Reverse(it.number));
    let shown = |it: &Invoice| {
        let mut object = invoice_objects::invoice(it, &state.base);
        if expand.has(LISTED_PAYMENTS) {
            let payment = it.payment_intent().map(|intent| payment_objects::invoice_payment(it, intent));
            object["payments"] = json!({ "object": "list", "has_more": false, "data": Vec::from_iter(payment) });
        }
        object
    };
    page.list("invoices", found.into_iter().map(shown).collect())
}
