//! Payment intents, and the invoices that they pay.

use axum::{
    Router,
    extract::{Path, RawQuery, State as Shared},
    response::Response,
    routing::get,
};
use serde_json::Value;

use super::lists::{Page, read};
use crate::demo::stripe_sandbox::{
    Sandbox,
    error::ApiError,
    params::{Params, required},
    payment_objects,
    state::State,
};

pub(super) fn routes() -> Router<Sandbox> {
    Router::new()
        .route("/v1/payment_intents/{id}", get(retrieve))
        .route("/v1/invoice_payments", get(list_invoice_payments))
        .route("/v1/refunds", get(list_refunds))
        .route("/v1/disputes", get(list_disputes))
}

async fn retrieve(Shared(sandbox): Shared<Sandbox>, Path(id): Path<String>, RawQuery(query): RawQuery) -> Response {
    read(&sandbox, query, |state, params| {
        params.finish()?;
        let payment = state.payments.get(&id);
        payment.map(payment_objects::payment_intent).ok_or_else(|| ApiError::missing("intent", "payment_intent", &id))
    })
}

async fn list_invoice_payments(Shared(sandbox): Shared<Sandbox>, RawQuery(query): RawQuery) -> Response {
    read(&sandbox, query, invoice_payments)
}

async fn list_refunds(Shared(sandbox): Shared<Sandbox>, RawQuery(query): RawQuery) -> Response {
    read(&sandbox, query, |state, params| {
        list_of_payment("refunds", params, state.refunds.values(), |it| &it.payment_intent, payment_objects::refund)
    })
}

async fn list_disputes(Shared(sandbox): Shared<Sandbox>, RawQuery(query): RawQuery) -> Response {
    read(&sandbox, query, |state, params| {
        list_of_payment("disputes", params, state.disputes.values(), |it| &it.payment_intent, payment_objects::dispute)
    })
}

/// Lists the invoices that a payment intent pays: one, or none if it pays for something else.
fn invoice_payments(state: &State, mut params: Params) -> Result<Value, ApiError> {
    const KIND: &str = "payment[type]";
    const INTENT: &str = "payment[payment_intent]";
    let page = Page::take(&mut params)?;
    let [kind, intent] = [KIND, INTENT].map(|name| params.take(name));
    params.finish()?;
    if required(KIND, kind)? != "payment_intent" {
        return Err(ApiError::choices(KIND, "payment_intent"));
    }
    let intent = required(INTENT, intent)?;
    if !state.payments.contains_key(&intent) {
        return Err(ApiError::unknown(INTENT, "payment_intent", &intent));
    }
    let paid = state.invoices.values().filter(|it| it.payment_intent() == Some(&intent));
    page.list("invoice_payments", paid.map(|it| payment_objects::invoice_payment(it, &intent)).collect())
}

/// Lists the records of the payment that the parameters name.
fn list_of_payment<'a, T: 'a>(
    path: &str,
    mut params: Params,
    all: impl Iterator<Item = &'a T>,
    payment_of: impl Fn(&T) -> &str,
    object: impl Fn(&T) -> Value,
) -> Result<Value, ApiError> {
    let page = Page::take(&mut params)?;
    let payment = required("payment_intent", params.take("payment_intent"))?;
    params.finish()?;
    page.list(path, all.filter(|it| payment_of(it) == payment).map(object).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::stripe_sandbox::testing::{on_pro, params};

    #[test]
    fn a_payment_names_the_invoice_that_it_pays() {
        let state = on_pro(None);
        let invoice = state.invoices_of("cus_1")[0];
        let intent = invoice.payment_intent().unwrap();
        let object = payment_objects::payment_intent(&state.payments[intent]);
        assert_eq!((&object["amount"], &object["status"]), (&14_900.into(), &"succeeded".into()));
        assert!(object["latest_charge"].as_str().unwrap().starts_with("ch_"));
        let fields = [("payment[type]", "payment_intent"), ("payment[payment_intent]", intent), ("limit", "1")];
        let list = invoice_payments(&state, params(&fields)).unwrap();
        let found = &list["data"][0];
        assert_eq!((&found["invoice"], &found["status"]), (&invoice.id.as_str().into(), &"paid".into()));
        assert_eq!(found["payment"]["payment_intent"], intent);
        let unknown = [fields[0], ("payment[payment_intent]", "pi_other")];
        assert!(invoice_payments(&state, params(&unknown)).is_err());
    }
}
