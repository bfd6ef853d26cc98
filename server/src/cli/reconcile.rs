//! `brightmeter reconcile`.

use std::{process::ExitCode, sync::Arc};

use chrono::TimeDelta;
use clap::Args;

use super::{CliError, open, output::say};
use crate::{
    clock::{Clock, SystemClock},
    config::Config,
    service::{
        plans::Plans,
        purchases::Purchases,
        reconcile::{self, Difference},
        writer::Writer,
    },
    stripe::api::StripeApi,
};

/// Holds what is known of purchases and plans against what Stripe says.
#[derive(Args)]
pub(super) struct ReconcileArgs {
    /// Mend what can safely be mended: credit what is paid, take and give back what goes with refunds and disputes, have plans and
    /// licenses follow.
    #[arg(long)]
    fix: bool,
    /// How many days back purchases are asked about.
    #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(u16).range(1..=3_650))]
    days: u16,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
}

pub(super) async fn reconcile(config: &Config, args: &ReconcileArgs) -> Result<ExitCode, CliError> {
    let stripe = config.stripe.as_ref().ok_or_else(|| {
        CliError::Refused("there is no Stripe to ask: set STRIPE_SECRET_KEY and STRIPE_WEBHOOK_SECRET".into())
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
        site: config.public_url.clone().unwrap_or_default().into(),
        news: Arc::default(),
    };
    let plans = Plans::beside(&purchases);
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
            "{} purchases of the last {} days and {} plans were asked about",
            report.purchases, args.days, report.plans
        ));
        for finding in &report.findings {
            let what = match finding.kind {
                Difference::PaidNotCredited => "paid, but not credited",
                Difference::CreditedNotPaid => "credited, but not paid: look at it in Stripe, and correct the balance",
                Difference::ReturnedOtherwise => "its refunds or disputes were not followed",
                Difference::PlanOtherwise => "its subscription or invoices were not followed",
                Difference::PlanUntold => "Stripe does not tell how it stands: look at the customer there",
                Difference::PlanPaidTwice => "more than one subscription is paid for: end the others in Stripe",
                Difference::AnotherPayment => "its session in Stripe is another order's: look at it there",
            };
            let mended = if finding.mended { " (mended)" } else { "" };
            let which = finding.purchase.map_or_else(|| "the plan".into(), |id| format!("purchase {id}"));
            say(format!("{which} of {}: {what}{mended}", finding.org));
        }
        if report.findings.is_empty() {
            say("all are as Stripe says");
        } else if !report.is_settled() && !args.fix {
            say("run it with --fix to mend what can safely be mended");
        }
    }
    Ok(if report.is_settled() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
