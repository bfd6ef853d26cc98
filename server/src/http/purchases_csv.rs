//! `/billing/purchases.csv`: the organization's pack orders and plan payments, for its accounting.

use axum::{
    extract::State,
    http::header::{CONTENT_DISPOSITION, CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use brightmeter::{
    access::role::Action,
    billing::{payment::Stage, receipts::InvoiceReceipt},
    command::Caller,
    ledger::tokens::Tokens,
    time::Instant,
};

use super::{
    AppState,
    csv_export::escape_formula,
    pages::status,
    permitted::{Permission, Permitted},
};
use crate::{
    http::backend::{Names, internal},
    service::{
        Result, StorageError,
        org_reads::{Order, OrgReads},
        payment_history::PaymentHistoryItem,
    },
};

/// The maximum number of rows in the file.
const MAX_ROWS: i64 = 10_000;

/// Exporting purchases.
pub(super) struct ViewPurchases;

impl Permission for ViewPurchases {
    const ACTION: Action = Action::ViewPurchases;
    const PAGE: &'static str = "/billing/purchases";
}

pub(super) async fn export(State(state): State<AppState>, Permitted { who, .. }: Permitted<ViewPurchases>) -> Response {
    let file = async {
        let mut reads = OrgReads::begin(&state.pool, who.org).await?;
        let names = Names::load(&mut reads).await?;
        write(&reads.payment_history(MAX_ROWS).await?, &names)
    };
    let headers =
        [(CONTENT_TYPE, "text/csv; charset=utf-8"), (CONTENT_DISPOSITION, "attachment; filename=\"purchases.csv\"")];
    match file.await {
        Ok(text) => (headers, text).into_response(),
        Err(error) => status(&internal(&error)).into_response(),
    }
}

fn write(payments: &[PaymentHistoryItem], names: &Names) -> Result<Vec<u8>> {
    let corrupt = |error: csv::Error| StorageError::Corrupt(format!("a purchase can't be written as CSV: {error}"));
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
        "currency",
        "price_currency",
    ])
    .map_err(corrupt)?;
    for payment in payments {
        let row = match payment {
            PaymentHistoryItem::Pack(order) => pack_row(order, names),
            PaymentHistoryItem::Plan(receipt) => plan_row(receipt),
        };
        csv.write_record(row).map_err(corrupt)?;
    }
    csv.into_inner().map_err(|error| corrupt(error.into_error().into()))
}

fn pack_row(order: &Order, names: &Names) -> [String; 15] {
    let Order { purchase, member, ordered_at, .. } = order;
    let (payment, credit) = (&purchase.payment, purchase.credit.as_ref());
    let clawed_back = credit.iter().flat_map(|credit| &credit.lots).map(|lot| (&lot.token_type, lot.clawed_back));
    [
        credit.map(|credit| credit.number.to_string()).unwrap_or_default(),
        time(*ordered_at),
        credit.map(|credit| time(credit.at)).unwrap_or_default(),
        escape_formula(purchase.label.clone()),
        amounts(purchase.tokens.iter().map(|(name, amount)| (name, *amount))),
        purchase.price.minor.to_string(),
        payment.stage.as_str().into(),
        payment.paid_minor.unwrap_or_default().to_string(),
        payment.returned_minor().to_string(),
        amounts(clawed_back),
        escape_formula(names.caller(&Caller::Member { member: *member })),
        purchase.id.to_string(),
        join(payment.stripe_ids.payment_intents.iter().cloned()),
        purchase.returned().currency.to_string(),
        purchase.price.currency.to_string(),
    ]
}

/// A plan payment has no order, and we don't record its tokens or its refunds, so those columns stay empty.
fn plan_row(receipt: &InvoiceReceipt) -> [String; 15] {
    let InvoiceReceipt { invoice, number, at, paid, lines, .. } = receipt;
    let lines: Vec<&str> = lines.iter().map(|(text, _)| text.as_str()).collect();
    let label = if lines.is_empty() { "Plan".to_owned() } else { format!("Plan: {}", lines.join(", ")) };
    let empty = String::new;
    [
        number.to_string(),
        time(*at),
        time(*at),
        label,
        empty(),
        paid.minor.to_string(),
        Stage::Paid.as_str().into(),
        paid.minor.to_string(),
        empty(),
        empty(),
        empty(),
        invoice.clone(),
        empty(),
        paid.currency.to_string(),
        paid.currency.to_string(),
    ]
}

fn time(at: Instant) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

/// Formats the non-zero amounts: `500 ai, 50 deep`.
fn amounts<'a>(amounts: impl Iterator<Item = (&'a brightmeter::names::TokenType, Tokens)>) -> String {
    let nonzero = amounts.filter(|(_, amount)| !amount.is_zero());
    join(nonzero.map(|(name, amount)| format!("{} {name}", amount.get())))
}

fn join(items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<_>>().join(", ")
}
