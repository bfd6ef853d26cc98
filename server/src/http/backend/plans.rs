//! `/billing/plan`: what it means to go to a plan. The tokens are what the one decision would make of them; the money is Stripe's to
//! say.

use app::{
    backend::SignedIn,
    views::plans::{Choice, PlanChoiceView, TokenChange},
};
use brightmeter::{
    billing::{
        period::Anchor,
        plan_change::PlanChange,
        subscription::{Subscription, SubscriptionSnapshot},
    },
    catalog::Plan,
    command::{Caller, Command},
    decide::{Context, decide},
    ledger::{account::Account, tokens::Tokens},
    names::PlanName,
    time::Instant,
};

use super::{AppBackend, BackendError, Wording};
use crate::{
    service::plans::{PlanError, check_license},
    storage::{account_reads::Requester, licenses},
};

/// What a plan means for an organization. Stripe is only asked what it costs if `ask` says so: not right after it did not answer.
pub(super) async fn choice(
    backend: &AppBackend,
    who: &SignedIn,
    to: &str,
    ask: bool,
) -> Result<PlanChoiceView, BackendError> {
    if !who.viewer.manages() {
        return Err(BackendError::Forbidden);
    }
    let (reader, wording) = (&backend.reader, Wording::new(backend, who));
    let name: PlanName = to.parse().map_err(|_| BackendError::NotFound)?;
    let plan = reader.catalog.plan(&name).ok_or(BackendError::NotFound)?;
    let (look, mut tx) = reader.open(who.org, &Requester::default()).await?;
    let (_, known) = licenses::find_invoices(&mut tx, who.org).await?;
    drop(tx);
    let account = look.account;
    let live = known.as_ref().and_then(|snapshot| snapshot.live.as_ref());
    let from = wording.now;
    let asked = match check_license(account.terms.license, plan) {
        Err(error) => Err(error),
        Ok(()) if live.is_none() || !ask => Ok(None),
        Ok(()) => backend.plans.price(who.org, &name, from).await,
    };
    let (due_cents, refused) = match asked {
        Ok(cents) => (cents, None),
        Err(PlanError::Storage(error)) => return Err(error.into()),
        Err(error) => {
            if let PlanError::Gateway(_) | PlanError::Settle(_) = &error {
                tracing::warn!(error = &error as &dyn std::error::Error, "a change of plan could not be priced");
            }
            (None, Some(in_words(&error)))
        }
    };
    let next = wording.when(account.terms.period(wording.now).end);
    let plan_change = PlanChange::to(plan, &account.terms, live.is_some(), &reader.catalog);
    let kind = match plan_change {
        PlanChange::Subscribe => {
            let first = known.as_ref().is_none_or(|snapshot| snapshot.ended_at.is_none());
            Choice::Subscribe { trial_days: if first { plan.trial_days } else { 0 } }
        }
        PlanChange::Upgrade => Choice::Up { due_cents, next },
        PlanChange::Keep => Choice::Stay,
        PlanChange::Cancel => Choice::End { from: next },
        PlanChange::Downgrade => Choice::Down { from: next },
    };
    let refused = match (&kind, refused) {
        (_, Some(why)) => Some(why),
        (Choice::Subscribe { .. }, None) if plan.price_cents == 0 => {
            Some("This plan costs nothing, and nothing is paid for your present one through Stripe. To change it, write to support.".into())
        }
        _ => None,
    };
    Ok(PlanChoiceView {
        name: name.to_string(),
        label: plan.label.clone(),
        price_cents: plan.price_cents,
        tokens: tokens(&account, plan, live, &reader.context(wording.now)),
        kind,
        refused,
        new_id: reader.clock.new_id().to_string(),
        plan_change,
        from: from.timestamp(),
    })
}

/// What becomes of the tokens at once, and what a month brings.
fn tokens(account: &Account, plan: &Plan, live: Option<&Subscription>, cx: &Context<'_>) -> Vec<TokenChange> {
    let command = match live {
        Some(_) => Command::ChangePlan { caller: Caller::System, plan: plan.name.clone() },
        None => {
            // Its month would begin now.
            let anchor = Anchor(Instant::from_timestamp(cx.now.timestamp(), 0).unwrap_or(cx.now));
            let live =
                Subscription { id: String::new(), item: String::new(), plan: plan.name.clone(), anchor, ends: false };
            Command::SyncSubscription {
                snapshot: SubscriptionSnapshot { number: i64::MAX, live: Some(live), ended_at: None, further: 0 },
            }
        }
    };
    // A change that is refused changes nothing; why, the page says.
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

/// Why a plan cannot be chosen, and what to do.
pub fn in_words(error: &PlanError) -> String {
    match error {
        PlanError::Unknown | PlanError::OtherOrder => "This form was out of date. Choose a plan from the page again.",
        PlanError::Same => "You are on this plan, and stay on it.",
        PlanError::ChangeWaits => {
            "You have chosen a smaller plan for the next month. Take that back first, by staying on your plan; then move up."
        }
        PlanError::MonthEnds(_) => "Your month ends within minutes. Please come back when the new one has begun.",
        PlanError::Unpaid => "An invoice is unpaid. Pay it first; then move up.",
        PlanError::Suspended => {
            "Support has suspended AI for your organization, so no plan is sold to it now. Ask support first."
        }
        PlanError::NoSubscription => "Nothing is paid through Stripe yet. Take a paid plan first.",
        PlanError::TooMany => "You have chosen plans very often within an hour. Please come back in an hour.",
        PlanError::Gateway(crate::stripe::gateway::GatewayError::Declined) => {
            "Your card was declined, or your bank wants you to confirm the payment, so nothing was changed. Use another card, on Invoices and cards, and choose the plan again."
        }
        PlanError::Gateway(_) | PlanError::Unconfirmed(_) | PlanError::Settle(_) | PlanError::Storage(_) => {
            "Our payment provider does not answer right now. Please try again in a minute."
        }
    }
    .into()
}
