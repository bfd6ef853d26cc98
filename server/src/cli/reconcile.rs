//! `brightmeter reconcile`.

use std::{process::ExitCode, sync::Arc};

use chrono::TimeDelta;
use clap::Args;

use super::{CliError, open};
use crate::{
    clock::{Clock, SystemClock},
    config::Config,
    service::{
        plans::Plans,
        purchases::Purchases,
        reconcile::{self, Difference},
        writer::Writer,
    },
    stdout::say,
    stripe::api::StripeApi,
};

/// The options of `reconcile`.
#[derive(Args)]
pub(super) struct ReconcileArgs {
    /// Fix what is safe to fix: credit paid purchases, claw back or reinstate tokens for refunds and disputes, update
    /// plans and licenses.
    #[arg(long)]
    fix: bool,
    /// Check the purchases of this many days.
    #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(u16).range(1..=3_650))]
    days: u16,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
}

pub(super) async fn reconcile(config: &Config, args: &ReconcileArgs) -> Result<ExitCode, CliError> {
    let stripe = config.stripe.as_ref().ok_or_else(|| {
        CliError::Refused("Stripe is not configured: set STRIPE_SECRET_KEY and STRIPE_WEBHOOK_SECRET".into())
    })?;
    let api = StripeApi::new(&stripe.secret_key, stripe.api_base.as_deref())?;
    let database = open(config).await?;
    let (pools, catalog) = (&database.pools, Arc::new(config.catalog.clone()));
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let (writer, tasks) = Writer::start(pools.writer.clone(), catalog.clone(), clock.clone());
    let purchases = Purchases {
        pool: pools.app.clone(),
        writer,
        gateway: Some(Arc::new(api)),
        catalog,
        clock: clock.clone(),
        base_url: config.public_url.clone().unwrap_or_default().into(),
        new_events: Arc::default(),
    };
    let plans = Plans::from_purchases(&purchases);
    let since = clock.now() - TimeDelta::days(args.days.into());
    let report = reconcile::run(&purchases, &plans, &pools.writer, since, args.fix).await;
    drop((purchases, plans));
    tasks.finish().await;
    database.close().await?;
    let report = report?;
    if args.json {
        say(serde_json::to_string_pretty(&report).map_err(std::io::Error::other)?);
    } else {
        say(format!(
            "Checked {} purchases of the last {} days and {} plans.",
            report.purchases, args.days, report.plans
        ));
        if report.unanswered > 0 {
            say(format!("Stripe did not answer for {} of them: run the command again.", report.unanswered));
        }
        for finding in &report.findings {
            let what = match finding.kind {
                Difference::PaidNotCredited => "paid, but not credited",
                Difference::CreditedNotPaid => "credited, but not paid: check the payment in Stripe",
                Difference::RefundsDiffer => "refunds or disputes in Stripe have not been applied",
                Difference::PlanDiffers => "the subscription or invoices in Stripe have not been applied",
                Difference::PlanUnreadable => {
                    "Stripe did not return the state of the subscriptions: check the customer in Stripe"
                }
                Difference::PaymentUnreadable => "Stripe did not return the state of the payment: check it in Stripe",
                Difference::UnknownPlan => {
                    "a price names a plan that the catalog does not have: correct its metadata in Stripe"
                }
                Difference::DuplicateSubscriptions => "more than one plan is being paid: cancel the others in Stripe",
                Difference::AnotherPayment => {
                    "its Checkout session in Stripe belongs to another order: check it in Stripe"
                }
            };
            let fixed = if finding.fixed { " (fixed)" } else { "" };
            let subject = finding.purchase.map_or_else(|| "plan".into(), |id| format!("purchase {id}"));
            say(format!("{subject} of {}: {what}{fixed}", finding.org));
        }
        if report.findings.is_empty() {
            say("Everything is in sync with Stripe.");
        } else if !report.is_resolved() && !args.fix {
            say("Run with --fix to fix what is safe to fix.");
        }
    }
    Ok(if report.is_resolved() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
