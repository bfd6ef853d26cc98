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
    csv_file::{Cell, Reader, Rows},
    pages::status,
    permitted::{Permission, Permitted},
};
use crate::{
    http::backend::{Names, internal},
    service::{
        Result,
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

/// The names of the columns.
const COLUMNS: [&str; 15] = [
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
];

fn write(payments: &[PaymentHistoryItem], names: &Names) -> Result<Vec<u8>> {
    let mut rows = Rows::start(COLUMNS, Reader::Spreadsheet)?;
    for payment in payments {
        rows.push(match payment {
            PaymentHistoryItem::Pack(order) => pack_row(order, names),
            PaymentHistoryItem::Plan(receipt) => plan_row(receipt),
        })?;
    }
    rows.finish()
}

fn pack_row(order: &Order, names: &Names) -> [Cell; 15] {
    let Order { purchase, member, ordered_at, .. } = order;
    let (payment, credit) = (&purchase.payment, purchase.credit.as_ref());
    let clawed_back = credit.iter().flat_map(|credit| &credit.lots).map(|lot| (&lot.token_type, lot.clawed_back));
    [
        credit.map_or_else(|| "".into(), |credit| Cell::from(credit.number)),
        time(*ordered_at).into(),
        credit.map(|credit| time(credit.at)).unwrap_or_default().into(),
        purchase.label.clone().into(),
        amounts(purchase.tokens.iter().map(|(name, amount)| (name, *amount))).into(),
        purchase.price.minor.into(),
        payment.stage.as_str().into(),
        payment.paid_minor.unwrap_or_default().into(),
        payment.returned_minor().into(),
        amounts(clawed_back).into(),
        names.caller(&Caller::Member { member: *member }).into(),
        purchase.id.to_string().into(),
        join(payment.stripe_ids.payment_intents.iter().cloned()).into(),
        purchase.returned().currency.to_string().into(),
        purchase.price.currency.to_string().into(),
    ]
}

/// A plan payment has no order, and we don't record its tokens or its refunds, so those columns stay empty.
fn plan_row(receipt: &InvoiceReceipt) -> [Cell; 15] {
    let InvoiceReceipt { invoice, number, at, paid, lines, .. } = receipt;
    let lines: Vec<&str> = lines.iter().map(|(text, _)| text.as_str()).collect();
    let label = if lines.is_empty() { "Plan".to_owned() } else { format!("Plan: {}", lines.join(", ")) };
    let empty = String::new;
    [
        (*number).into(),
        time(*at).into(),
        time(*at).into(),
        label.into(),
        empty().into(),
        paid.minor.into(),
        Stage::Paid.as_str().into(),
        paid.minor.into(),
        empty().into(),
        empty().into(),
        empty().into(),
        invoice.clone().into(),
        empty().into(),
        paid.currency.to_string().into(),
        paid.currency.to_string().into(),
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
