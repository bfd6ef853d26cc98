//! The control panel's section on Checkout sessions and payments: refunds, disputes, bank debits.

use super::forms::{button, form, number, submit_button};
use crate::demo::stripe_sandbox::{
    html::escape,
    money::{money, unit},
    records::{Dispute, DisputeStatus, Progress, Refund, Session, SessionMode},
    state::State,
};

/// The most payments listed.
const MAX_PAYMENTS: usize = 100;

/// All Checkout sessions, newest first.
pub(super) fn section(state: &State, mount: &str, now: i64) -> String {
    let mut all: Vec<&Session> = state.sessions.values().collect();
    all.sort_by_key(|session| std::cmp::Reverse(session.number));
    if all.is_empty() {
        return "<p>No payments yet.</p>".into();
    }
    all.into_iter().take(MAX_PAYMENTS).map(|it| payment_article(state, mount, it, now)).collect()
}

fn payment_article(state: &State, mount: &str, session: &Session, now: i64) -> String {
    let id = escape(&session.id);
    let item = match &session.mode {
        SessionMode::Payment(sale) => escape(&sale.item),
        SessionMode::Subscription(signup) => format!("Subscription to {}", escape(&signup.price.name)),
    };
    let status = match session.progress {
        Progress::Open if session.is_open(now) => "open",
        Progress::Open => "expired, event not sent yet",
        Progress::Expired => "expired",
        Progress::Free => "complete, nothing to pay",
        Progress::Processing { .. } => "complete, bank debit pending",
        Progress::Paid { .. } => "paid",
        Progress::Failed { .. } => "complete, bank debit failed",
    };
    let rest = match &session.progress {
        Progress::Open => {
            let expire = button(mount, "expire", &session.id, "", "Expire");
            let link = format!(r#"<a href="{mount}/pay/{id}">Go to checkout<span class="unseen"> {id}</span></a>"#);
            let percent = number("Discount in percent", "percent", 0, 100, 100);
            let submit = submit_button("Apply promotion code", &session.id);
            let discount = form(mount, "discount_session", &session.id, &(percent + &submit));
            if session.is_open(now) { link + &expire + &discount } else { expire }
        }
        Progress::Processing { .. } => {
            button(mount, "succeed_debit", &session.id, "", "Bank debit succeeds")
                + &button(mount, "fail_debit", &session.id, "", "Bank debit fails")
        }
        Progress::Paid { .. } => {
            let actions = |intent| payment_actions(state, mount, intent);
            session.payment_intent().map(actions).unwrap_or_default()
        }
        Progress::Expired | Progress::Free | Progress::Failed { .. } => String::new(),
    };
    format!(
        r#"<article aria-labelledby="{id}"><h3 id="{id}">{item}, {}: {status}</h3><p><code>{id}</code></p>{rest}</article>"#,
        session.amount(),
    )
}

/// The refunds and disputes of a payment, and the forms to make more.
pub(super) fn payment_actions(state: &State, mount: &str, payment_intent: &str) -> String {
    let Some(payment) = state.payments.get(payment_intent) else { return String::new() };
    let (amount_cents, unit) = (payment.amount_cents, unit(&payment.currency));
    let intent = escape(payment_intent);
    let mut html = format!("<p><code>{intent}</code></p>");
    let rest_cents = amount_cents.saturating_sub(state.refunded_cents(payment_intent));
    if rest_cents > 0 {
        let field = number(&format!("Refund amount in {unit}"), "amount_cents", 1, rest_cents, rest_cents);
        html += &form(mount, "refund", payment_intent, &(field + &submit_button("Refund", payment_intent)));
    }
    let mut refunds: Vec<&Refund> = state.refunds.values().filter(|it| it.payment_intent == payment_intent).collect();
    refunds.sort_by_key(|refund| refund.number);
    for refund in refunds {
        let (id, amount) = (escape(&refund.id), money(refund.amount_cents, &refund.currency));
        let status = if refund.failed { "failed" } else { "succeeded" };
        html += &format!("<p>Refund of {amount}: {status} <code>{id}</code></p>");
        if !refund.failed {
            html += &button(mount, "fail_refund", &refund.id, "", "Fail refund");
        }
    }
    let mut disputes: Vec<&Dispute> =
        state.disputes.values().filter(|it| it.payment_intent == payment_intent).collect();
    disputes.sort_by_key(|dispute| dispute.number);
    let is_disputed = disputes.iter().any(|dispute| dispute.status.is_open());
    for dispute in disputes {
        let (id, amount) = (escape(&dispute.id), money(dispute.amount_cents, &dispute.currency));
        let status = dispute.status.name().replace('_', " ");
        html += &format!("<p>Dispute of {amount}: {status} <code>{id}</code></p>");
        match dispute.status {
            DisputeStatus::NeedsResponse => {
                html += &button(mount, "close_dispute", &dispute.id, "won", "Win dispute");
                html += &button(mount, "close_dispute", &dispute.id, "lost", "Lose dispute");
            }
            DisputeStatus::WarningNeedsResponse => {
                html += &button(mount, "close_dispute", &dispute.id, "won", "Close inquiry");
            }
            _ => {}
        }
    }
    if !is_disputed {
        html += &button(mount, "dispute", payment_intent, "", "Dispute");
        html += &button(mount, "inquire", payment_intent, "", "Open inquiry");
        let field =
            number(&format!("Disputed amount in {unit}"), "amount_cents", 1, amount_cents, amount_cents.div_ceil(2));
        let submit = submit_button("Open partial dispute", payment_intent);
        html += &form(mount, "dispute_part", payment_intent, &(field + &submit));
    }
    html
}
