//! View models of purchases, invoices and their receipts.

use brightmeter::{
    billing::{money::Money, payment::Stage},
    ledger::tokens::Tokens,
};

use super::LocalTime;

/// `/billing/purchases`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PurchasesView {
    /// The records, newest first.
    pub payments: Vec<PaymentRecordView>,
    /// Whether older records exist. Only the CSV file lists them.
    pub more: bool,
}

/// A line of the payment history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PaymentRecordView {
    /// A pack that was ordered.
    Pack(Box<PurchaseView>),
    /// An invoice of the plan that was paid.
    Plan(Box<InvoiceView>),
}

/// `/billing/purchases/…` and a line of the payment history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PurchaseView {
    /// The purchase's id.
    pub id: String,
    /// The pack's label.
    pub label: String,
    /// The tokens in the pack, with labels.
    pub tokens: Vec<(Tokens, String)>,
    /// The price.
    pub price: Money,
    /// The name of the user who ordered it.
    pub who: String,
    /// When it was ordered.
    pub ordered_at: LocalTime,
    /// The stage of the payment.
    pub stage: Stage,
    /// The URL of Stripe Checkout and when it expires. `None` if the purchase can't be paid anymore.
    pub pay: Option<(String, LocalTime)>,
    /// The receipt. `None` until it is paid.
    pub receipt: Option<PurchaseReceiptView>,
    /// Whether the payment has an open dispute.
    pub disputed: bool,
}

/// The receipt of a purchase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PurchaseReceiptView {
    /// The receipt's number: 1, 2, 3, … in each organization.
    pub number: i64,
    /// When the tokens were credited.
    pub at: LocalTime,
    /// The amount paid. `None` if Stripe didn't report it.
    pub paid: Option<Money>,
    /// The amount that Stripe showed the customer, if in another currency.
    pub presented: Option<Money>,
    /// The amount refunded or lost in a dispute.
    pub returned: Money,
    /// The tokens clawed back, with labels.
    pub taken_back: Vec<(Tokens, String)>,
    /// The tokens set aside while the payment is disputed, with labels.
    pub put_aside: Vec<(Tokens, String)>,
    /// The URL of Stripe's own receipt.
    pub stripe_url: Option<String>,
    /// Stripe's invoice document.
    pub document: DocumentView,
}

/// What a receipt shows of Stripe's invoice document, and what went back since.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DocumentView {
    /// The seller's name.
    pub seller: Option<String>,
    /// The buyer's name, address and tax ids, line by line.
    pub buyer: Vec<String>,
    /// The taxes: description and amount.
    pub taxes: Vec<(String, Money)>,
    /// The refunds and lost disputes, as negative amounts.
    pub credits: Vec<Money>,
    /// The URL of the PDF file.
    pub pdf_url: Option<String>,
}

/// `/billing/invoices/…` and a line of the payment history: a paid invoice of the plan with its receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvoiceView {
    /// The invoice's Stripe id.
    pub id: String,
    /// The receipt's number, in the same sequence as those of packs.
    pub number: i64,
    /// When it was paid.
    pub at: LocalTime,
    /// The amount paid.
    pub paid: Money,
    /// The lines: description and amount, negative for credit.
    pub lines: Vec<(String, Money)>,
    /// The amount paid minus the sum of the lines. `None` if they are equal, and without lines.
    pub rest: Option<Money>,
    /// The URL of Stripe's invoice page.
    pub stripe_url: Option<String>,
    /// The invoice's number at Stripe.
    pub stripe_number: Option<String>,
    /// Stripe's invoice document.
    pub document: DocumentView,
}
