//! `/billing/plan`: previews a plan change. The tokens come from a dry run of the ledger's decision, the price from
//! Stripe.

use app::{
    backend::SignedIn,
    views::plans::{Choice, PlanChoiceView, TokenChange, UpgradeCovers},
};
use brightmeter::{
    access::role::Action,
    billing::{
        invoices::Invoices,
        plan_change::{PlanChange, Subscribed},
        subscription::{Status, SubscriptionSnapshot},
    },
    catalog::Plan,
    command::{Caller, Command},
    decide::{Context, decide},
    ledger::{account::Account, tokens::Tokens},
    names::PlanName,
    time::Instant,
};

use super::{AppBackend, BackendError, Wording};
use crate::service::{
    account_reader::Requester,
    plans::{PlanError, check_license},
};

/// Previews a change to plan `to`, with its price in `currency` if it can be. The amount due is requested from Stripe only if `fetch_price` is set: not right after a
/// failed request.
pub(super) async fn choice(
    backend: &AppBackend,
    who: &SignedIn,
    (to, currency): (&str, &str),
    fetch_price: bool,
) -> Result<PlanChoiceView, BackendError> {
    who.authorize(Action::ChangePlan)?;
    let (reader, wording) = (&backend.reader, Wording::new(backend, who));
    let name: PlanName = to.parse().map_err(|_| BackendError::NotFound)?;
    let plan = reader.catalog.plan(&name).ok_or(BackendError::NotFound)?;
    let (read, mut reads) = reader.open(who.org, &Requester::default()).await?;
    let facts = reads.billing_facts().await?;
    drop(reads);
    let account = read.account;
    let from = wording.now;
    let standing = facts.standing(&reader.catalog, from);
    let currency = standing.currency(currency.parse().ok(), &reader.catalog);
    let subscribed = Subscribed::of(&facts.subscriptions, standing.in_force.as_ref());
    let price = match check_license(account.terms.license, plan) {
        Err(error) => Err(error),
        Ok(()) if subscribed == Subscribed::No && facts.subscriptions.incomplete().is_some() => {
            Err(PlanError::PaymentPending)
        }
        Ok(()) if subscribed != Subscribed::Live || !fetch_price => Ok(None),
        Ok(()) => backend.plans.price(who.org, &name, from).await,
    };
    let (due, refused) = match price {
        Ok(due) => (due, None),
        Err(PlanError::Storage(error)) => return Err(error.into()),
        Err(error) => {
            if let PlanError::Gateway(_) | PlanError::Sync(_) = &error {
                tracing::warn!(error = &error as &dyn std::error::Error, "a plan change could not be priced");
            }
            (None, Some(plan_error_message(&error)))
        }
    };
    // A yearly plan changes at the end of the year, and a trial at its end.
    let renews_at = standing.in_force.as_ref().map(|in_force| in_force.line.end).filter(|end| *end > wording.now);
    let next = wording.local_time(renews_at.unwrap_or_else(|| account.terms.period(wording.now).end));
    let plan_change = PlanChange::to(plan, &account.terms, subscribed, &reader.catalog);
    // At Stripe, another interval starts a new billing period.
    let starts_period = reader.catalog.plan(&account.terms.plan).is_none_or(|it| it.interval != plan.interval)
        && plan_change == PlanChange::Upgrade;
    let kind = match plan_change {
        PlanChange::Subscribe => {
            Choice::Subscribe { trial_days: if facts.subscriptions.had_any() { 0 } else { plan.trial_days } }
        }
        PlanChange::Resume => Choice::Resume,
        PlanChange::Upgrade => {
            let is_trial = standing.in_force.as_ref().is_some_and(|it| it.subscription.status == Status::Trialing);
            let covers = match (is_trial, starts_period) {
                (true, _) => UpgradeCovers::AfterTrial,
                (false, true) => UpgradeCovers::NewPeriod,
                (false, false) => UpgradeCovers::Rest { next },
            };
            Choice::Upgrade { due, covers }
        }
        PlanChange::Keep => Choice::Keep,
        PlanChange::Cancel => Choice::Cancel { from: next },
        PlanChange::Downgrade => Choice::Downgrade { from: next },
    };
    let refused = match (&kind, refused) {
        (_, Some(why)) => Some(why),
        (Choice::Subscribe { .. }, None) if subscribed != Subscribed::No => {
            Some(plan_error_message(&PlanError::Paused))
        }
        (Choice::Subscribe { .. }, None) if plan.price_cents == 0 => Some(
            "This plan is free, and your current plan isn't billed through Stripe. To change it, contact support."
                .into(),
        ),
        _ => None,
    };
    Ok(PlanChoiceView {
        name: name.to_string(),
        label: plan.label.clone(),
        price: reader.catalog.plan_price(plan, currency),
        interval: plan.interval,
        tokens: tokens(&account, plan, subscribed == Subscribed::Live && !starts_period, &reader.context(wording.now)),
        kind,
        refused,
        new_id: reader.clock.new_id().to_string(),
        plan_change,
        from: from.timestamp(),
    })
}

/// Returns the immediate effect on the tokens, and the allowances before and after, by token type.
/// `keeps_period`: the current billing period goes on; otherwise a new one starts now.
fn tokens(account: &Account, plan: &Plan, keeps_period: bool, cx: &Context<'_>) -> Vec<TokenChange> {
    let command = match keeps_period {
        true => Command::ChangePlan { caller: Caller::System, plan: plan.name.clone() },
        false => {
            let start = Instant::from_timestamp(cx.now.timestamp(), 0).unwrap_or(cx.now);
            let snapshot = SubscriptionSnapshot::of_new_subscription(plan.name.as_str(), start);
            Command::SyncSubscriptions { snapshot, reported: Vec::new(), invoices: Invoices::default() }
        }
    };
    // A refused change has no effect on the tokens. The page shows the reason.
    let changes = decide(account, &command, cx).map(|decision| decision.changes).unwrap_or_default();
    let present = cx.catalog.plan(&account.terms.plan);
    let of_types = cx.catalog.token_types.iter().map(|spec| {
        let before = account.balance(&spec.name).settled;
        let after = changes.balances.get(&spec.name).map_or(before, |balance| balance.settled);
        TokenChange {
            label: spec.label.clone(),
            kept: before.min(after),
            gained: after.saturating_sub(before),
            lost: before.saturating_sub(after),
            a_month: (
                present.map_or(Tokens::ZERO, |plan| plan.allowance_of(&spec.name)),
                plan.allowance_of(&spec.name),
            ),
        }
    });
    of_types.collect()
}

/// The message for a user who can't choose a plan: the reason and what to do.
pub fn plan_error_message(error: &PlanError) -> String {
    match error {
        PlanError::UnknownPlan | PlanError::Outdated => "This form is out of date. Choose a plan again.",
        PlanError::NoPrice => {
            "This plan isn't sold in your subscription's currency. To change to it, contact support."
        }
        PlanError::AlreadyOnPlan => "You're already on this plan.",
        PlanError::ChangePending => {
            "Another change of your plan is scheduled. Undo it first by staying on your current plan, then upgrade."
        }
        PlanError::PeriodEnding(_) => "Your billing period ends in a few minutes. Try again when the new one has started.",
        PlanError::Unpaid => "An invoice is unpaid. Pay it first, then upgrade.",
        PlanError::Suspended => {
            "Support has suspended AI for your organization, so you can't choose a paid plan. Contact support first."
        }
        PlanError::OtherInterval => {
            "Your plan is billed in another interval. Cancel it for the end of the time you've paid for, then subscribe to this one."
        }
        PlanError::Paused => {
            "Your subscription is paused. Resume it first. If you have no card on file, add one under Invoices and cards."
        }
        PlanError::PaymentPending => {
            "Your bank is still confirming the payment for your subscription. You can use it as soon as the payment is confirmed; there's nothing more to do here."
        }
        PlanError::ConfirmationPending => {
            "An upgrade is waiting for you to confirm its payment. Confirm it under Invoices and cards, or wait a day until it expires."
        }
        PlanError::NoSubscription => "You don't have a subscription yet. Choose a paid plan first.",
        PlanError::TooMany => "You've changed plans too often in the last hour. Try again in an hour.",
        PlanError::Gateway(crate::stripe::gateway::GatewayError::Declined) => {
            "Your card was declined. Nothing was changed. Add another card under Invoices and cards, then choose the plan again."
        }
        PlanError::Gateway(crate::stripe::gateway::GatewayError::NeedsConfirmation) => {
            "Your bank wants you to confirm the payment. Nothing was changed. Confirm it under Invoices and cards, then check back here."
        }
        PlanError::Gateway(crate::stripe::gateway::GatewayError::NoPaymentMethod) => {
            "You have no card on file. Nothing was changed. Add a card under Invoices and cards, then choose the plan again."
        }
        PlanError::Gateway(_) | PlanError::Unconfirmed(_) | PlanError::Sync(_) | PlanError::Storage(_) => {
            "Our payment provider isn't responding right now. Please try again in a minute."
        }
    }
    .into()
}
