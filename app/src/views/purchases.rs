//! What the pages of purchases show.

use brightmeter::{billing::payment::Stage, ledger::tokens::Tokens};

use super::LocalTime;

/// `/billing/purchases`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PurchasesView {
    /// The newest first.
    pub bought: Vec<PaymentRecordView>,
    /// Whether there are older ones, which only the file lists.
    pub more: bool,
}

/// A line of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PaymentRecordView {
    /// A pack that was ordered.
    Pack(Box<PurchaseView>),
    /// What was paid for the plan.
    Plan(Box<InvoiceView>),
}

/// `/billing/purchases/…`, and a line of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PurchaseView {
    /// Its id.
    pub id: String,
    /// What was ordered.
    pub label: String,
    /// What it holds, with labels.
    pub tokens: Vec<(Tokens, String)>,
    /// Its price, in cents.
    pub price_cents: u32,
    /// Who ordered it.
    pub who: String,
    /// When.
    pub ordered_at: LocalTime,
    /// How far the payment is.
    pub stage: Stage,
    /// Stripe's page to pay on, and until when, while it can be paid.
    pub pay: Option<(String, LocalTime)>,
    /// Its receipt, once it is paid.
    pub receipt: Option<PurchaseReceiptView>,
    /// Whether a dispute about the payment is open.
    pub disputed: bool,
}

/// The receipt of a purchase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PurchaseReceiptView {
    /// 1, 2, 3, … in each organization.
    pub number: i64,
    /// When the tokens were credited.
    pub at: LocalTime,
    /// What was paid, in cents.
    pub paid_cents: u64,
    /// How much of it went back, in cents.
    pub returned_cents: u64,
    /// How many tokens went with it, with labels.
    pub taken_back: Vec<(Tokens, String)>,
    /// How many are put aside while the payment is disputed, with labels.
    pub put_aside: Vec<(Tokens, String)>,
    /// Stripe's own receipt.
    pub stripe_url: Option<String>,
}

/// `/billing/invoices/…`, and a line of the list: what was paid for the plan, with its receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvoiceView {
    /// Stripe's name of the invoice.
    pub id: String,
    /// The number of the receipt, of one row with those of packs.
    pub number: i64,
    /// When it was paid.
    pub at: LocalTime,
    /// What was paid, in cents.
    pub paid_cents: u64,
    /// What for, each with its cents; below zero where something is given back.
    pub lines: Vec<(String, i64)>,
    /// What the lines leave out of what was paid, in cents.
    pub rest_cents: i64,
    /// Stripe's own page of the invoice.
    pub stripe_url: Option<String>,
    /// The number that Stripe gave it.
    pub stripe_number: Option<String>,
}
