//! Further states in Stripe's own shapes, by kind, and the plan, the tokens and the license that follow from each.

use serde_json::{Value, json};
use server::clock::Clock;

use super::{
    stand_in::with_stand_in,
    stripe_states::{MONTH, T0, invoice, item, price, pro, subscription, with},
};

const DAY: i64 = 86_400;

/// Stripe's state from a day on: the subscriptions, the invoices, and what follows: plan, AI tokens, license.
type Step<'a> = (i64, &'a [Value], &'a [Value], (&'a str, i64, &'a str));

/// Goes through the steps, each with an event, and checks after each of them, also if the event comes twice.
#[track_caller]
fn check(name: &str, steps: &[Step<'_>]) {
    with_stand_in(async |stripe| {
        for (n, (day, subscriptions, invoices, expected)) in steps.iter().enumerate() {
            let now = stripe.server.clock.now().timestamp();
            stripe.server.advance(T0 + day * DAY - now);
            stripe.invoices(invoices);
            for repeat in 0..2 {
                stripe.update(&format!("evt_{n}_{repeat}"), subscriptions).await;
                let (plan, ai, license) = stripe.state().await;
                let license = format!("{license:?}").split([' ', '{']).next().unwrap_or_default().to_lowercase();
                assert_eq!((plan.as_str(), ai, license.as_str()), *expected, "{name}, day {day}");
            }
        }
        assert!(stripe.server.audit().await.ok, "{name}");
    });
}

fn enterprise(id: &str) -> Value {
    with(&subscription(&[item("si_2", price("enterprise"))]), json!({ "id": id, "created": T0 + 60 }))
}

/// The plan's item in its billing period from `start` on.
fn renewed(of: &Value, start: i64) -> Value {
    let mut object = of.clone();
    for item in object["items"]["data"].as_array_mut().unwrap() {
        item["current_period_start"] = start.into();
        item["current_period_end"] = (start + MONTH).into();
    }
    object
}

fn yearly(changes: Value) -> Value {
    let mut item = item("si_1", price("pro"));
    item["price"]["recurring"]["interval"] = "year".into();
    item["current_period_end"] = (T0 + 365 * DAY).into();
    with(&subscription(&[item]), changes)
}

fn paid(at: i64) -> Value {
    let transitions = json!({ "finalized_at": at, "paid_at": at });
    invoice(json!({ "status": "paid", "amount_paid": 14_900, "created": at, "status_transitions": transitions }))
}

#[test]
fn of_several_lines_the_plan_counts_wherever_it_stands() {
    let dear = json!({ "id": "price_seats", "unit_amount": 99_000, "recurring": { "usage_type": "licensed" }, "metadata": {} });
    let dear = item("si_0", dear);
    let both = subscription(&[dear.clone(), item("si_1", price("pro"))]);
    check("a dearer add-on before the plan", &[(0, &[both], &[], ("pro", 200, "active"))]);
    let reversed = subscription(&[item("si_2", price("enterprise")), item("si_1", price("pro"))]);
    check("two plans, the larger one first", &[(0, &[reversed], &[], ("enterprise", 2_000, "active"))]);
    let mut old = item("si_1", Value::Null);
    old["plan"] = price("pro");
    check(
        "a price that an old API version calls a plan",
        &[(0, &[subscription(&[dear, old])], &[], ("pro", 200, "active"))],
    );
}

#[test]
fn a_plan_lasts_until_the_end_that_stripe_names() {
    let ends = with(&pro(), json!({ "cancel_at": T0 + 45 * DAY }));
    let second = renewed(&ends, T0 + MONTH);
    let steps = [
        (0, &[ends][..], &[][..], ("pro", 200, "active")),
        (31, std::slice::from_ref(&second), &[paid(T0 + MONTH)], ("pro", 200, "active")),
        (44, std::slice::from_ref(&second), &[paid(T0 + MONTH)], ("pro", 200, "active")),
    ];
    check("in the middle of the second month", &steps);
    let year = yearly(json!({ "cancel_at": T0 + 100 * DAY }));
    let months = [0, 35, 70].map(|day| (day, std::slice::from_ref(&year), &[][..], ("pro", 200, "active")));
    check("in the middle of a year", &months);
}

#[test]
fn a_mailed_invoice_is_overdue_from_its_due_date() {
    let by_mail = with(&pro(), json!({ "collection_method": "send_invoice" }));
    let due = invoice(json!({ "attempted": false, "due_date": T0 + 7 * DAY, "amount_remaining": 4_900 }));
    let late = with(&by_mail, json!({ "status": "past_due" }));
    let steps = [
        (0, std::slice::from_ref(&by_mail), std::slice::from_ref(&due), ("pro", 200, "active")),
        (6, std::slice::from_ref(&by_mail), std::slice::from_ref(&due), ("pro", 200, "active")),
        (8, std::slice::from_ref(&late), std::slice::from_ref(&due), ("pro", 200, "grace")),
        (22, std::slice::from_ref(&late), std::slice::from_ref(&due), ("pro", 200, "suspended")),
        (23, std::slice::from_ref(&by_mail), &[paid(T0)], ("pro", 200, "active")),
    ];
    check("partly paid, then unpaid, then paid", &steps);
    let steps = [
        (0, &[pro()][..], &[][..], ("pro", 200, "active")),
        (1, &[with(&pro(), json!({ "status": "past_due" }))], &[], ("pro", 200, "grace")),
    ];
    check("past due, and the list has no invoice", &steps);
}

#[test]
fn a_write_off_is_no_payment() {
    let unpaid = with(&pro(), json!({ "status": "unpaid" }));
    let off = invoice(json!({ "status": "uncollectible" }));
    let steps = [
        (0, &[pro()][..], &[][..], ("pro", 200, "active")),
        (1, &[with(&pro(), json!({ "status": "past_due" }))], &[invoice(json!({}))], ("pro", 200, "grace")),
        (16, std::slice::from_ref(&unpaid), std::slice::from_ref(&off), ("pro", 200, "suspended")),
        // Paid after all.
        (17, &[pro()], &[paid(T0)], ("pro", 200, "active")),
    ];
    check("written off, then paid", &steps);
    let mailed = with(&pro(), json!({ "collection_method": "send_invoice", "status": "past_due" }));
    let first = json!({ "billing_reason": "subscription_create", "attempted": false, "due_date": T0 + DAY });
    let steps = [
        (0, &[with(&mailed, json!({ "status": "active" }))][..], &[invoice(first.clone())][..], ("pro", 200, "active")),
        (
            20,
            std::slice::from_ref(&mailed),
            &[with(&invoice(first), json!({ "status": "void" }))],
            ("pro", 200, "suspended"),
        ),
    ];
    check("the first mailed invoice is voided", &steps);
}

#[test]
fn of_several_subscriptions_the_larger_paid_one_counts() {
    let of = |status: &str| with(&enterprise("sub_2"), json!({ "status": status, "canceled_at": T0, "ended_at": T0 }));
    for status in ["canceled", "incomplete_expired", "incomplete", "past_due", "unpaid"] {
        check(status, &[(0, &[pro(), of(status)], &[], ("pro", 200, "active"))]);
    }
    let trial = with(&of("trialing"), json!({ "trial_end": T0 + MONTH, "ended_at": null, "canceled_at": null }));
    check("a larger one on trial", &[(0, &[pro(), trial], &[], ("enterprise", 2_000, "active"))]);
}

#[test]
fn a_trial_is_granted_once() {
    let end = T0 + 14 * DAY;
    let trial = json!({ "status": "trialing", "trial_end": end, "billing_cycle_anchor": end });
    let mut trial = with(&pro(), trial);
    trial["items"]["data"][0]["current_period_end"] = end.into();
    let over = with(&renewed(&trial, end), json!({ "status": "active" }));
    let failed = with(&over, json!({ "status": "past_due" }));
    let declined = invoice(json!({ "created": end, "status_transitions": { "finalized_at": end } }));
    let steps = [
        (0, std::slice::from_ref(&trial), &[][..], ("pro", 200, "active")),
        (15, std::slice::from_ref(&over), &[], ("pro", 0, "active")),
        (16, std::slice::from_ref(&failed), &[declined], ("pro", 0, "grace")),
        (17, std::slice::from_ref(&over), &[paid(end)], ("pro", 200, "active")),
    ];
    check("the first payment fails, then is made", &steps);
    let canceled = json!({ "status": "canceled", "canceled_at": T0 + DAY, "ended_at": T0 + DAY });
    let again = with(&pro(), json!({ "id": "sub_3", "status": "incomplete" }));
    let steps = [
        (0, std::slice::from_ref(&trial), &[][..], ("pro", 200, "active")),
        (15, &[with(&trial, canceled.clone())], &[], ("starter", 0, "canceled")),
        (16, &[with(&trial, canceled), again], &[], ("starter", 0, "canceled")),
    ];
    check("canceled, then another one that is not paid", &steps);
}

#[test]
fn a_month_is_the_one_that_its_line_starts() {
    let larger = renewed(&enterprise("sub_1"), T0 + MONTH);
    let steps = [
        (0, &[pro()][..], &[][..], ("pro", 200, "active")),
        (31, &[larger], &[paid(T0 + MONTH)], ("enterprise", 2_000, "active")),
    ];
    check("renewed as a larger plan", &steps);
    let smaller = renewed(&pro(), T0 + MONTH);
    let steps = [
        (0, &[enterprise("sub_1")][..], &[][..], ("enterprise", 2_000, "active")),
        // Changed for the renewal, which is still to come.
        (10, &[pro()], &[], ("enterprise", 2_000, "active")),
        (31, &[smaller], &[paid(T0 + MONTH)], ("pro", 200, "active")),
    ];
    check("renewed as a smaller plan", &steps);
}

#[test]
fn a_name_that_the_catalog_lacks_changes_nothing() {
    let gold = subscription(&[item("si_1", price("gold"))]);
    let steps = [
        (0, &[pro()][..], &[][..], ("pro", 200, "active")),
        (1, std::slice::from_ref(&gold), &[], ("pro", 200, "active")),
        (31, &[renewed(&gold, T0 + MONTH)], &[paid(T0 + MONTH)], ("pro", 200, "active")),
    ];
    check("another name", &steps);
    check("a name in capitals", &[(0, &[subscription(&[item("si_1", price("Pro"))])], &[], ("starter", 0, "active"))]);
}
