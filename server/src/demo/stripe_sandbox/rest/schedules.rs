//! Subscription schedules.

use axum::{
    Router,
    body::Bytes,
    extract::{Path, RawQuery, State as Shared},
    http::HeaderMap,
    response::Response,
    routing::{get, post},
};

use super::{expand::Expand, idempotency::idempotent, lists::read};
use crate::demo::stripe_sandbox::{Sandbox, error::ApiError, objects, schedules::object, subscription_objects};

const PRICES: &str = "phases.items.price";
const SUBSCRIPTION: &str = "subscription";

pub(super) fn routes() -> Router<Sandbox> {
    Router::new()
        .route("/v1/subscription_schedules/{id}", get(retrieve))
        .route("/v1/subscription_schedules/{id}/release", post(release))
}

async fn retrieve(Shared(sandbox): Shared<Sandbox>, Path(id): Path<String>, RawQuery(query): RawQuery) -> Response {
    read(&sandbox, query, |state, mut params| {
        let expand = Expand::take(&mut params, &[PRICES, SUBSCRIPTION])?;
        params.finish()?;
        let schedule = state.schedules.get(&id).ok_or_else(|| missing(&id))?;
        let mut object = object(schedule);
        if expand.has(PRICES) {
            for (n, phase) in schedule.phases.iter().enumerate() {
                for (m, item) in phase.items.iter().enumerate() {
                    object["phases"][n]["items"][m]["price"] = objects::price(&item.price);
                }
            }
        }
        if let Some(it) = state.subscriptions.get(&schedule.subscription).filter(|_| expand.has(SUBSCRIPTION)) {
            object[SUBSCRIPTION] = subscription_objects::subscription(it);
        }
        Ok(object)
    })
}

async fn release(
    Shared(sandbox): Shared<Sandbox>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let path = format!("/v1/subscription_schedules/{id}/release");
    idempotent(&sandbox, &headers, &path, &body, |state, params, now| {
        params.finish()?;
        let schedule = state.schedules.get(&id).ok_or_else(|| missing(&id))?;
        if schedule.end.is_some() {
            return Err(ApiError::invalid("Only active schedules can be released."));
        }
        let subscription = schedule.subscription.clone();
        state.release_schedule(&id, now);
        state.emit_subscription("customer.subscription.updated", &subscription, now);
        state.schedules.get(&id).map(object).ok_or_else(|| missing(&id))
    })
}

fn missing(id: &str) -> ApiError {
    ApiError::missing("schedule", "subscription_schedule", id)
}
