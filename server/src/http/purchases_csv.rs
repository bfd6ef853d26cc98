//! `/billing/purchases.csv`: every purchase and every payment for a plan, for whoever keeps the books.

use app::{backend::SignedIn, error::AppError};
use axum::{
    Extension,
    extract::State,
    http::header::{CONTENT_DISPOSITION, CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use brightmeter::{billing::payment::Stage, command::Caller, ledger::tokens::Tokens, time::Instant};

use super::{AppState, csv_export::plain, pages::status};
use crate::{
    http::backend::{Names, internal},
    service::payment_history::{self, PaymentRecord, PlanPayment},
    storage::{Result, StorageError, purchases::Order, tenant},
};

/// How many it lists at most.
const MAX_ROWS: i64 = 10_000;

pub(super) async fn export(State(state): State<AppState>, Extension(who): Extension<SignedIn>) -> Response {
    if !who.viewer.manages() {
        return status(&AppError::Forbidden).into_response();
    }
    let file = async {
        let mut tx = tenant::begin(&state.pool, who.org).await?;
        let names = Names::load(&mut tx, who.org).await?;
        write(&payment_history::list(&mut tx, who.org, MAX_ROWS).await?, &names)
    };
    let headers =
        [(CONTENT_TYPE, "text/csv; charset=utf-8"), (CONTENT_DISPOSITION, "attachment; filename=\"purchases.csv\"")];
    match file.await {
        Ok(text) => (headers, text).into_response(),
        Err(error) => status(&internal(&error)).into_response(),
    }
}

fn write(bought: &[PaymentRecord], names: &Names) -> Result<Vec<u8>> {
    let broken = |error: csv::Error| StorageError::Corrupt(format!("a purchase that CSV cannot hold: {error}"));
    let mut csv = csv::Writer::from_writer(Vec::new());
    csv.write_record([
        "receipt",
        "ordered_utc",
        "credited_utc",
        "pack",
        "tokens",
        "price_cents",
        "stage",
        "paid_cents",
        "returned_cents",
        "taken_back",
        "who",
        "purchase_id",
        "payment_intent",
    ])
    .map_err(broken)?;
    for bought in bought {
        let row = match bought {
            PaymentRecord::Pack(order) => pack(order, names),
            PaymentRecord::Plan(payment) => plan(payment),
        };
        csv.write_record(row).map_err(broken)?;
    }
    csv.into_inner().map_err(|error| broken(error.into_error().into()))
}

fn pack(order: &Order, names: &Names) -> [String; 13] {
    let Order { purchase, member, ordered_at, .. } = order;
    let (payment, credit) = (&purchase.payment, purchase.credit.as_ref());
    let taken = credit.iter().flat_map(|credit| &credit.lots).map(|lot| (&lot.token_type, lot.clawed_back));
    [
        credit.map(|credit| credit.number.to_string()).unwrap_or_default(),
        time(*ordered_at),
        credit.map(|credit| time(credit.at)).unwrap_or_default(),
        plain(purchase.label.clone()),
        amounts(purchase.tokens.iter().map(|(name, amount)| (name, *amount))),
        purchase.price_cents.to_string(),
        payment.stage.as_str().into(),
        payment.paid_cents.to_string(),
        payment.returned_cents().to_string(),
        amounts(taken),
        plain(names.caller(&Caller::Member { member: *member })),
        purchase.id.to_string(),
        payment.stripe_ids.payment_intent.clone().unwrap_or_default(),
    ]
}

/// Nobody orders a month of a plan; what tokens it brings, and whether money went back since, is not known of it: those columns stay
/// empty.
fn plan(payment: &PlanPayment) -> [String; 13] {
    let PlanPayment { invoice, number, paid } = payment;
    let lines: Vec<&str> = paid.lines.iter().map(|line| line.text.as_str()).collect();
    let what = if lines.is_empty() { "Plan".to_owned() } else { format!("Plan: {}", lines.join(", ")) };
    let nothing = String::new;
    [
        number.to_string(),
        time(paid.at),
        time(paid.at),
        what,
        nothing(),
        paid.cents.to_string(),
        Stage::Paid.as_str().into(),
        paid.cents.to_string(),
        nothing(),
        nothing(),
        nothing(),
        invoice.clone(),
        nothing(),
    ]
}

fn time(at: Instant) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

/// `500 ai, 50 deep`.
fn amounts<'a>(amounts: impl Iterator<Item = (&'a brightmeter::names::TokenType, Tokens)>) -> String {
    let some = amounts.filter(|(_, amount)| !amount.is_zero());
    some.map(|(name, amount)| format!("{} {name}", amount.get())).collect::<Vec<_>>().join(", ")
}
