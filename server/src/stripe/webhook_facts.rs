//! What an event tells of a payment, an invoice or a subscription, read from as little of it as possible: fields that are not needed may be
//! missing, new, or of another shape.
//!
//! What comes from Stripe's API instead of an event is read here, too, so that both tell the same.

pub mod invoices;

use brightmeter::{
    billing::{
        invoices::{Invoice, Invoices},
        payment::{Dispute, DisputeStatus, Payment, Refund, Stage},
        period::Anchor,
        subscription::{Subscription, SubscriptionSnapshot},
    },
    ids::{OrgId, PurchaseId},
    names::PlanName,
    time::Instant,
};
use serde_json::Value;

use super::event::Event;

/// Under which names an order's ids travel with Stripe's objects.
pub const ORG: &str = "brightmeter_org";
/// As [`ORG`].
pub const PURCHASE: &str = "brightmeter_purchase";
/// Under which name a plan travels with its price and its subscriptions.
pub const PLAN: &str = "brightmeter_plan";

/// What an event tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WebhookFacts {
    /// Something of the payment of a purchase.
    Payment(PurchaseRef, Payment),
    /// Something of the plan of the customer that Stripe knows by this name.
    Customer(String, BillingFact),
}

/// What an event tells of a customer's plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BillingFact {
    /// Something of an invoice.
    Invoice(Invoices),
    /// That a subscription changed: how it stands, Stripe is asked.
    Subscription,
}

/// Which purchase is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PurchaseRef {
    /// The one whose ids the object carries.
    Ids(OrgId, PurchaseId),
    /// The one that Stripe knows by one of these names, the surest first.
    StripeIds(Vec<String>),
}

/// What was told of a payment, or what of it is missing.
pub type PaymentFacts = Result<(PurchaseRef, Payment), &'static str>;

/// Reads an event.
///
/// Answers with nothing if it tells nothing that concerns us.
///
/// # Errors
/// What of it is missing that cannot be done without.
pub fn read(event: &Event) -> Result<Option<WebhookFacts>, &'static str> {
    let envelope: Value = serde_json::from_str(&event.payload).map_err(|_| "its body is no JSON")?;
    let object = &envelope["data"]["object"];
    let reported_at = event.created_at.map_or(0, |at| at.timestamp());
    let facts = match event.kind.as_str() {
        "invoice.paid" | "invoice.payment_succeeded" => {
            let paid = invoices::paid(object, event.created_at);
            return invoices::read(object, Invoice { settled: true, paid, ..Invoice::default() });
        }
        // One that Stripe was told to give up is owed no more: it must not keep the license down for ever.
        "invoice.voided" | "invoice.marked_uncollectible" => {
            return invoices::read(object, Invoice { settled: true, ..Invoice::default() });
        }
        // That the first one of a plan fails is no debt: until it is paid, there is no plan.
        "invoice.payment_failed" if object["billing_reason"] == "subscription_create" => return Ok(None),
        "invoice.payment_failed" => {
            let failed_at = Some(event.created_at.ok_or("it does not say when the payment failed")?);
            return invoices::read(object, Invoice { failed_at, ..Invoice::default() });
        }
        kind if kind.starts_with("customer.subscription.") || sells_plan(kind, object) => {
            let customer = name_of(&object["customer"]).ok_or("the subscription names no customer")?;
            return Ok(Some(WebhookFacts::Customer(customer, BillingFact::Subscription)));
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
    Ok(facts.transpose()?.map(|(whose, payment)| WebhookFacts::Payment(whose, payment)))
}

/// Whether a Checkout session is complete that sold a plan.
fn sells_plan(kind: &str, object: &Value) -> bool {
    let complete = matches!(kind, "checkout.session.completed" | "checkout.session.async_payment_succeeded");
    complete && object["mode"] == "subscription"
}

/// Reads the list of a customer's subscriptions. Of those that run the newest counts, and how many further ones there are is told;
/// one for none of our plans is nobody's.
///
/// # Errors
/// What of it cannot be read; also if there are more than the list holds.
pub fn subscriptions(list: &Value, number: i64) -> Result<SubscriptionSnapshot, &'static str> {
    let mut snapshot = SubscriptionSnapshot { number, live: None, ended_at: None, further: 0 };
    let mut newest = i64::MIN;
    for object in whole(list)? {
        let Some(plan) = plan_of(object) else { continue };
        let second = |name: &str| object[name].as_i64().and_then(|seconds| Instant::from_timestamp(seconds, 0));
        match object["status"].as_str() {
            Some("active" | "trialing" | "past_due" | "unpaid") => {
                let created = object["created"].as_i64().unwrap_or_default();
                snapshot.further += u32::from(snapshot.live.is_some());
                if created >= newest {
                    let id = text(&object["id"]).ok_or("a subscription has no id")?;
                    let item = text(&object["items"]["data"][0]["id"]).ok_or("a subscription has no line")?;
                    let anchor = second("billing_cycle_anchor").ok_or("a subscription has no billing_cycle_anchor")?;
                    // Set to end with the month, or on a day: either way no further month is paid.
                    let ends = object["cancel_at_period_end"] == true || object["cancel_at"].is_i64();
                    newest = created;
                    snapshot.live = Some(Subscription { id, item, plan, anchor: Anchor(anchor), ends });
                }
            }
            Some("canceled") => {
                snapshot.ended_at = snapshot.ended_at.max(second("ended_at").or_else(|| second("canceled_at")));
            }
            // Not paid for the first time, on hold, or of a status that is new: it runs no plan, and has ended none.
            _ => {}
        }
    }
    if snapshot.live.is_some() {
        snapshot.ended_at = None;
    }
    Ok(snapshot)
}

/// The plan that a subscription is for: its price says so, and where that was made by hand, the subscription itself.
fn plan_of(object: &Value) -> Option<PlanName> {
    let price = &object["items"]["data"][0]["price"];
    [price, object].into_iter().find_map(|it| it["metadata"][PLAN].as_str()?.parse().ok())
}

/// Reads a Checkout session; `stage` is what its event says, if it says more than the session. A session that sells no pack tells
/// nothing.
///
/// # Errors
/// What of it is missing.
pub fn session(object: &Value, stage: Option<Stage>) -> Option<PaymentFacts> {
    if object["mode"].as_str().is_some_and(|mode| mode != "payment") {
        return None;
    }
    let Some(id) = text(&object["id"]) else { return Some(Err("the session has no id")) };
    let stage = stage.unwrap_or_else(|| match (object["payment_status"].as_str(), object["status"].as_str()) {
        (Some("paid" | "no_payment_required"), _) => Stage::Paid,
        (_, Some("expired")) => Stage::Expired,
        (_, Some("complete")) => Stage::Pending,
        _ => Stage::Open,
    });
    let mut payment = Payment { stage, ..Payment::default() };
    if stage == Stage::Paid {
        payment.paid_cents = object["amount_total"].as_u64().unwrap_or_default();
    }
    payment.stripe_ids.session = Some(id.clone());
    payment.stripe_ids.payment_intent = name_of(&object["payment_intent"]);
    Some(Ok((ours(object).unwrap_or(PurchaseRef::StripeIds(vec![id])), payment)))
}

/// Reads lists of refunds and disputes of a payment, as they are at `reported_at`.
///
/// # Errors
/// What of them cannot be read; also if there are more than the lists hold.
pub fn returned(refunds: &Value, disputes: &Value, reported_at: Instant) -> Result<Payment, &'static str> {
    let mut payment = Payment::default();
    for facts in whole(refunds)?.iter().map(refund) {
        payment.join(&facts?.1);
    }
    for facts in whole(disputes)?.iter().map(|object| dispute(object, reported_at.timestamp())) {
        payment.join(&facts?.1);
    }
    Ok(payment)
}

/// A list of Stripe's that holds all there is.
fn whole(list: &Value) -> Result<&[Value], &'static str> {
    match (list["data"].as_array(), list["has_more"].as_bool()) {
        (Some(objects), None | Some(false)) => Ok(objects),
        _ => Err("its list is not whole"),
    }
}

fn charge(object: &Value) -> Option<PaymentFacts> {
    if object["paid"].as_bool() == Some(false) {
        // A try to pay that failed: another charge of the same payment may follow.
        return None;
    }
    let refunded_cents = object["amount_refunded"].as_u64().unwrap_or_default();
    let mut payment = Payment { refunded_cents, ..Payment::default() };
    payment.stripe_ids.payment_intent = name_of(&object["payment_intent"]);
    payment.stripe_ids.charge = text(&object["id"]);
    payment.stripe_ids.receipt_url = page(&object["receipt_url"]);
    for object in object["refunds"]["data"].as_array().into_iter().flatten() {
        payment.refunds.extend(refund_of(object));
    }
    // The charges of our orders carry their ids; this one pays something else.
    if ours(object).is_none() && payment.refunded_cents == 0 && payment.refunds.is_empty() {
        return None;
    }
    Some(about(object, payment))
}

fn refund(object: &Value) -> PaymentFacts {
    let mut payment = Payment::default();
    payment.refunds.extend([refund_of(object).ok_or("the refund has no id or amount")?]);
    payment.stripe_ids.payment_intent = name_of(&object["payment_intent"]);
    payment.stripe_ids.charge = name_of(&object["charge"]);
    about(object, payment)
}

fn refund_of(object: &Value) -> Option<(String, Refund)> {
    let failed = matches!(object["status"].as_str(), Some("failed" | "canceled"));
    Some((text(&object["id"])?, Refund { cents: object["amount"].as_u64()?, failed }))
}

fn dispute(object: &Value, reported_at: i64) -> PaymentFacts {
    let (Some(id), Some(cents)) = (text(&object["id"]), object["amount"].as_u64()) else {
        return Err("the dispute has no id or amount");
    };
    // An inquiry that ends without a dispute ("warning_closed"), and one that was fended off, cost nothing.
    let status = match object["status"].as_str() {
        Some("lost") => DisputeStatus::Closed { reported_at, lost: true },
        Some("won" | "warning_closed" | "prevented") => DisputeStatus::Closed { reported_at, lost: false },
        _ => DisputeStatus::Open,
    };
    let mut payment = Payment::default();
    payment.disputes.insert(id, Dispute { cents, status });
    payment.stripe_ids.payment_intent = name_of(&object["payment_intent"]);
    payment.stripe_ids.charge = name_of(&object["charge"]);
    about(object, payment)
}

fn about(object: &Value, payment: Payment) -> PaymentFacts {
    let names: Vec<String> =
        [&payment.stripe_ids.payment_intent, &payment.stripe_ids.charge].into_iter().flatten().cloned().collect();
    let whose = ours(object).or_else(|| (!names.is_empty()).then_some(PurchaseRef::StripeIds(names)));
    whose.map(|whose| (whose, payment)).ok_or("it names no payment")
}

/// The order that an object carries since we asked for it.
fn ours(object: &Value) -> Option<PurchaseRef> {
    let id = |name: &str| object["metadata"][name].as_str();
    Some(PurchaseRef::Ids(id(ORG)?.parse().ok()?, id(PURCHASE)?.parse().ok()?))
}

/// A name of Stripe's; of an object that was expanded, its id.
fn name_of(value: &Value) -> Option<String> {
    text(value).or_else(|| text(&value["id"]))
}

/// The address of a page of Stripe's, for people to follow; or of the sandbox's, which is on this machine.
fn page(value: &Value) -> Option<String> {
    let is_page = |url: &&str| ["https://", "http://127.0.0.1:"].iter().any(|start| url.starts_with(start));
    value.as_str().filter(|url| url.len() <= 2_000 && !url.contains('\0')).filter(is_page).map(Into::into)
}

fn text(value: &Value) -> Option<String> {
    value.as_str().filter(|text| (1..=255).contains(&text.len()) && !text.contains('\0')).map(Into::into)
}
