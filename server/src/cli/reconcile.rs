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
        reconcile::{self, Action, Finding, Limits, Report, Scope},
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
    let action = if args.fix { Action::Fix } else { Action::Find(Limits::default()) };
    let scope = Scope { since, from: None, action };
    let print = |finding: &Finding| {
        if !args.json {
            say(line(finding, args.fix));
        }
    };
    let report = reconcile::run(&purchases, &plans, &pools.writer, scope, print).await;
    drop((purchases, plans));
    tasks.finish().await;
    database.close().await?;
    let report = report?;
    if args.json {
        say(serde_json::to_string_pretty(&report).map_err(std::io::Error::other)?);
    } else {
        say_summary(&report, args);
    }
    Ok(if report.is_resolved() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Describes a finding: the plan or purchase, the difference, and whether it is fixed or what to do.
fn line(finding: &Finding, fix: bool) -> String {
    let Finding { org, purchase, kind, fixed } = finding;
    let subject = purchase.map_or_else(|| "plan".into(), |id| format!("purchase {id}"));
    let then = match (fixed, fix && kind.is_fixable()) {
        (true, _) => "Fixed.",
        (false, true) => "Not fixed: it still differs. Run the command again.",
        (false, false) => kind.remedy(),
    };
    format!("{subject} of {org}: {}. {then}", kind.label())
}

fn say_summary(report: &Report, args: &ReconcileArgs) {
    let Report { purchases, plans, unanswered, fixed, findings, next: _ } = report;
    say(format!("Compared {purchases} purchases of the last {} days and {plans} plans with Stripe.", args.days));
    if *unanswered > 0 {
        say(format!("Stripe did not answer for {unanswered} of them: run the command again."));
    }
    match findings.len() {
        0 => say("Everything is in sync with Stripe."),
        found if args.fix => say(format!("Differences: {found}. Fixed: {fixed}.")),
        found => say(format!("Differences: {found}. Run with --fix to fix what is safe to fix.")),
    }
}

#[cfg(test)]
mod tests {
    use brightmeter::ids::{OrgId, PurchaseId};
    use uuid::Uuid;

    use super::*;
    use crate::service::reconcile::Difference;

    #[test]
    fn each_line_says_whether_the_difference_is_fixed_or_what_to_do() {
        let (org, purchase) = (OrgId(Uuid::nil()), Some(PurchaseId(Uuid::max())));
        let check = |purchase, kind, fixed, fix, end: &str| {
            let line = line(&Finding { org, purchase, kind, fixed }, fix);
            assert!(line.ends_with(end), "{line}");
        };
        let plan = Difference::PlanDiffers;
        check(None, plan, true, true, "000000000000: The plan or its invoices differ. Fixed.");
        check(None, plan, false, false, "differ. Applying Stripe's state updates the plan and the license.");
        check(None, plan, false, true, "differ. Not fixed: it still differs. Run the command again.");
        let payment = Difference::PaymentUnreadable;
        check(purchase, payment, false, true, "check the payment in Stripe: its session may be gone.");
    }
}
