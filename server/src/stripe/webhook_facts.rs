//! Webhook facts: the payments, invoices and subscriptions that Stripe's events report.
//!
//! Reads as few fields as possible: the others may be missing, new, or of another shape. Responses of Stripe's API are
//! read here too, so that events and responses yield the same facts. All readers return a text that says which required
//! field is missing.

mod documents;
pub mod invoices;
pub mod schedules;
pub mod subscriptions;

use brightmeter::{
    billing::{
        invoices::Invoices,
        money::{Currency, Money},
        payment::{Dispute, DisputeStatus, Payment, Refund, Stage},
        subscription::Subscription,
    },
    ids::{OrgId, PurchaseId},
    time::{Instant, RequestedInstant},
};
use serde_json::Value;

use super::{event::Event, gateway::PaymentOwner};

/// The metadata field of Stripe's objects that carries the organization's id.
pub const ORG: &str = "brightmeter_org";
/// The metadata field of Stripe's objects that carries the purchase's id.
pub const PURCHASE: &str = "brightmeter_purchase";
/// The metadata field of prices and subscriptions that carries the plan's name.
pub const PLAN: &str = "brightmeter_plan";

/// The facts that an event reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WebhookFacts {
    /// Facts about a payment.
    Payment(PaymentFact),
    /// A fact about a customer's plan.
    Customer(CustomerFact),
}

/// Facts about a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentFact {
    /// The purchase.
    pub purchase: PurchaseRef,
    /// The facts.
    pub payment: Payment,
    /// The owner of the payment; `None` if the event does not say.
    pub owner: Option<PaymentOwner>,
    /// The Stripe id of the invoice that was paid; `None` if the event does not say, as in current API versions.
    pub invoice: Option<String>,
}

/// A fact about a customer's plan. The customer's subscriptions and invoices are fetched from Stripe then.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CustomerFact {
    /// The customer's Stripe id.
    pub customer: String,
    /// Whether our metadata is on the object. If not, and the customer is not ours either, it is about another product.
    pub has_our_metadata: bool,
    /// What the event says about an invoice.
    pub invoices: Invoices,
    /// The state of the subscription when the event was created. It shows what was paid then.
    pub subscription: Option<Subscription>,
}

/// A reference to a purchase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PurchaseRef {
    /// The ids of the organization and the purchase, from the object's metadata.
    Ids(OrgId, PurchaseId),
    /// Stripe ids of the purchase's objects, the most specific first.
    StripeIds(Vec<String>),
}

/// A purchase with the facts about its payment, or the required field that is missing.
pub type PaymentFacts = Result<(PurchaseRef, Payment), &'static str>;

/// Reads an event. Returns `None` if it reports nothing that Brightmeter uses.
pub fn read(event: &Event) -> Result<Option<WebhookFacts>, &'static str> {
    let envelope: Value = serde_json::from_str(&event.payload).map_err(|_| "the body isn't valid JSON")?;
    let object = &envelope["data"]["object"];
    let reported_at = event.created_at.map_or(0, |at| at.timestamp());
    let facts = match event.kind.as_str() {
        // The invoice of a pack, which Checkout issues.
        kind if kind.starts_with("invoice.") && object["status"] == "paid" && metadata_ids(object).is_some() => {
            let document = Some(Box::new(documents::read(object)));
            metadata_ids(object).map(|purchase| Ok((purchase, Payment { document, ..Payment::default() })))
        }
        kind if kind.starts_with("invoice.") => {
            return Ok(invoices::read_event(kind, object, event.created_at)?.map(WebhookFacts::Customer));
        }
        kind if kind.starts_with("customer.subscription.") || sells_plan(kind, object) => {
            let customer = id_of(&object["customer"]).ok_or("the subscription has no customer")?;
            let at = event.created_at.unwrap_or_default();
            // If it cannot be read, the fetched state counts alone.
            let subscription = subscriptions::read(object, at).ok().flatten();
            return Ok(Some(customer_fact(customer, object, subscription)));
        }
        kind if kind.starts_with("subscription_schedule.") => {
            let customer = id_of(&object["customer"]).ok_or("the schedule has no customer")?;
            return Ok(Some(customer_fact(customer, object, None)));
        }
        "customer.deleted" => {
            let customer = text(&object["id"]).ok_or("the customer has no id")?;
            return Ok(Some(customer_fact(customer, object, None)));
        }
        "checkout.session.completed" => session(object, None),
        "checkout.session.async_payment_succeeded" => session(object, Some(Stage::Paid)),
        "checkout.session.async_payment_failed" => session(object, Some(Stage::Failed)),
        "checkout.session.expired" => session(object, Some(Stage::Expired)),
        "charge.succeeded" | "charge.updated" | "charge.refunded" => charge(object),
        "refund.created" | "refund.updated" | "refund.failed" | "charge.refund.updated" => Some(refund(object)),
        kind if kind.starts_with("charge.dispute.") => Some(dispute(object, reported_at)),
        _ => return Ok(None),
    };
    // Sessions and charges name their customer, and carry our metadata if we created them.
    let says_owner = matches!(object["object"].as_str(), Some("checkout.session" | "charge"));
    let owner = says_owner
        .then(|| PaymentOwner { customer: id_of(&object["customer"]), has_our_metadata: has_our_metadata(object) });
    let (facts, invoice) = (facts.transpose()?, id_of(&object["invoice"]));
    Ok(facts.map(|(purchase, payment)| WebhookFacts::Payment(PaymentFact { purchase, payment, owner, invoice })))
}

fn customer_fact(customer: String, object: &Value, subscription: Option<Subscription>) -> WebhookFacts {
    let has_our_metadata = has_our_metadata(object);
    WebhookFacts::Customer(CustomerFact { customer, has_our_metadata, subscription, invoices: Invoices::default() })
}

/// Whether an object carries metadata that we, or a person on our behalf, put on it.
fn has_our_metadata(object: &Value) -> bool {
    [ORG, PURCHASE, PLAN].iter().any(|field| object["metadata"][*field].is_string())
}

/// Reads the owner of a payment intent.
pub fn payment_owner(object: &Value, payment_intent: &str) -> Result<PaymentOwner, &'static str> {
    if object["id"] != payment_intent {
        return Err("the payment intent has another id");
    }
    Ok(PaymentOwner { customer: id_of(&object["customer"]), has_our_metadata: has_our_metadata(object) })
}

/// Returns whether an event comes from live mode, or `None` if it does not say.
pub fn is_live(event: &Event) -> Option<bool> {
    serde_json::from_str::<Value>(&event.payload).ok()?["livemode"].as_bool()
}

/// Whether the event completes a Checkout session for a plan.
fn sells_plan(kind: &str, object: &Value) -> bool {
    let complete = matches!(kind, "checkout.session.completed" | "checkout.session.async_payment_succeeded");
    complete && object["mode"] == "subscription"
}

/// Reads a Checkout session, or returns `None` if it is not for a pack. `stage` is set if the event implies a stage
/// that the session does not show.
pub fn session(object: &Value, stage: Option<Stage>) -> Option<PaymentFacts> {
    if object["mode"].as_str().is_some_and(|mode| mode != "payment") {
        return None;
    }
    let Some(id) = text(&object["id"]) else { return Some(Err("the session has no id")) };
    let stage = stage.unwrap_or_else(|| match (object["payment_status"].as_str(), object["status"].as_str()) {
        (Some("paid"), _) => Stage::Paid,
        // A free order is only made once the customer has confirmed it. Old events have no status.
        (Some("no_payment_required"), Some("complete") | None) => Stage::Paid,
        (_, Some("expired")) => Stage::Expired,
        (_, Some("complete")) => Stage::Pending,
        _ => Stage::Open,
    });
    let mut payment = Payment { stage, ..Payment::default() };
    if stage == Stage::Paid {
        let is_free = object["payment_status"] == "no_payment_required";
        payment.paid_minor = object["amount_total"].as_u64().or(is_free.then_some(0));
        payment.presented = presented(&object["presentment_details"]);
    }
    payment.currency = currency(&object["currency"]);
    payment.stripe_ids.session = Some(id.clone());
    payment.stripe_ids.payment_intents.extend(id_of(&object["payment_intent"]));
    Some(Ok((metadata_ids(object).unwrap_or(PurchaseRef::StripeIds(vec![id])), payment)))
}

/// Reads the lists of a payment's refunds and disputes, fetched at `reported_at`.
///
/// # Errors
/// Also if a list is incomplete.
pub fn refunds_and_disputes(refunds: &Value, disputes: &Value, reported_at: Instant) -> Result<Payment, &'static str> {
    let mut payment = Payment::default();
    for facts in complete_list(refunds)?.iter().map(refund) {
        payment.join(&facts?.1);
    }
    for facts in complete_list(disputes)?.iter().map(|object| dispute(object, reported_at.timestamp())) {
        payment.join(&facts?.1);
    }
    Ok(payment)
}

/// Returns the objects of a list that has no further page.
fn complete_list(list: &Value) -> Result<&[Value], &'static str> {
    match (list["data"].as_array(), list["has_more"].as_bool()) {
        (Some(objects), None | Some(false)) => Ok(objects),
        _ => Err("the list is incomplete"),
    }
}

fn charge(object: &Value) -> Option<PaymentFacts> {
    if object["paid"].as_bool() == Some(false) {
        // A failed attempt: another charge of the same payment may follow.
        return None;
    }
    let refunded_minor = object["amount_refunded"].as_u64().unwrap_or_default();
    let mut payment = Payment { refunded_minor, currency: currency(&object["currency"]), ..Payment::default() };
    payment.stripe_ids.payment_intents.extend(id_of(&object["payment_intent"]));
    payment.stripe_ids.charges.extend(text(&object["id"]));
    payment.stripe_ids.receipt_url = https_url(&object["receipt_url"]);
    for object in object["refunds"]["data"].as_array().into_iter().flatten() {
        payment.refunds.extend(refund_of(object));
    }
    // Charges of our orders carry our ids in their metadata; this one pays for something else.
    if metadata_ids(object).is_none() && payment.refunded_minor == 0 && payment.refunds.is_empty() {
        return None;
    }
    Some(payment_facts(object, payment))
}

fn refund(object: &Value) -> PaymentFacts {
    let mut payment = Payment { currency: currency(&object["currency"]), ..Payment::default() };
    payment.refunds.extend([refund_of(object).ok_or("the refund has no id or amount")?]);
    payment.stripe_ids.payment_intents.extend(id_of(&object["payment_intent"]));
    payment.stripe_ids.charges.extend(id_of(&object["charge"]));
    payment_facts(object, payment)
}

fn refund_of(object: &Value) -> Option<(String, Refund)> {
    let failed = matches!(object["status"].as_str(), Some("failed" | "canceled"));
    Some((text(&object["id"])?, Refund { minor: object["amount"].as_u64()?, failed }))
}

fn dispute(object: &Value, reported_at: i64) -> PaymentFacts {
    let (Some(id), Some(minor)) = (text(&object["id"]), object["amount"].as_u64()) else {
        return Err("the dispute has no id or amount");
    };
    // An inquiry that closes without a dispute ("warning_closed") and a prevented dispute cost nothing.
    let status = match object["status"].as_str() {
        Some("lost") => DisputeStatus::Closed { reported_at, lost: true },
        Some("won" | "warning_closed" | "prevented") => DisputeStatus::Closed { reported_at, lost: false },
        Some("warning_needs_response" | "warning_under_review") => DisputeStatus::Inquiry,
        Some("needs_response" | "under_review") => DisputeStatus::Open,
        _ => return Err("the dispute has an unknown status"),
    };
    let mut payment = Payment::default();
    payment.disputes.insert(id, Dispute { minor, currency: currency(&object["currency"]), status });
    payment.stripe_ids.payment_intents.extend(id_of(&object["payment_intent"]));
    payment.stripe_ids.charges.extend(id_of(&object["charge"]));
    payment_facts(object, payment)
}

fn payment_facts(object: &Value, payment: Payment) -> PaymentFacts {
    let stripe_ids: Vec<String> = payment.stripe_ids.names().cloned().collect();
    let purchase = metadata_ids(object);
    let purchase = purchase.or_else(|| (!stripe_ids.is_empty()).then_some(PurchaseRef::StripeIds(stripe_ids)));
    purchase.map(|purchase| (purchase, payment)).ok_or("it has neither a payment intent nor a charge")
}

/// The ids that we put into an object's metadata when we created it.
fn metadata_ids(object: &Value) -> Option<PurchaseRef> {
    let id = |field: &str| object["metadata"][field].as_str();
    Some(PurchaseRef::Ids(id(ORG)?.parse().ok()?, id(PURCHASE)?.parse().ok()?))
}

/// Reads a currency code.
pub(super) fn currency(value: &Value) -> Option<Currency> {
    value.as_str()?.parse().ok()
}

/// The amount shown to the customer, if Stripe converted it.
fn presented(details: &Value) -> Option<Money> {
    let minor = details["presentment_amount"].as_i64()?;
    Some(Money { minor, currency: currency(&details["presentment_currency"])? })
}

/// An instant in Unix seconds, if Postgres can hold it.
fn instant(value: &Value) -> Option<Instant> {
    let instant = Instant::from_timestamp(value.as_i64()?, 0)?;
    RequestedInstant::try_from(instant).ok().map(RequestedInstant::get)
}

/// A Stripe id, given as text or as an expanded object.
fn id_of(value: &Value) -> Option<String> {
    text(value).or_else(|| text(&value["id"]))
}

/// The URL of one of Stripe's pages, to link to: HTTPS, or plain HTTP on this machine for the sandbox.
pub(super) fn https_url(value: &Value) -> Option<String> {
    let is_allowed = |url: &&str| ["https://", "http://127.0.0.1:"].iter().any(|start| url.starts_with(start));
    value.as_str().filter(|url| url.len() <= 2_000 && !url.contains('\0')).filter(is_allowed).map(Into::into)
}

fn text(value: &Value) -> Option<String> {
    value.as_str().filter(|text| (1..=255).contains(&text.len()) && !text.contains('\0')).map(Into::into)
}
