//! `/license`, and the banner on every page that links to it while the license is restricted.

use app::{
    backend::SignedIn,
    views::{LocalTime, license::LicenseView},
};
use brightmeter::{
    access::role::Action,
    billing::{
        invoices::Invoice,
        license::{License, LicenseStep, Restriction, Rung, SuspensionCause},
    },
    time::Instant,
    time_zone::TimeZone,
};
use chrono::TimeDelta;

use super::{
    AppBackend, BackendError, Wording,
    notices::{self, invoice_of},
};
use crate::service::{account_reader::Requester, org_reads::Logged};

/// The maximum number of license steps on the page.
const MAX_STEPS: i64 = 50;
/// The time that the banner reports an ended subscription. It then disappears, so that organizations without a
/// subscription don't see it forever.
const ENDED_NOTICE: TimeDelta = TimeDelta::days(14);

pub(super) async fn license(backend: &AppBackend, who: &SignedIn) -> Result<LicenseView, BackendError> {
    let wording = Wording::new(backend, who);
    let (read, mut reads) = backend.reader.open(who.org, &Requester::default()).await?;
    let facts = reads.billing_facts().await?;
    let subscribed = facts.subscriptions.current().is_some();
    let catalog = &backend.reader.catalog;
    let standing = facts.standing(catalog, wording.now);
    let due = standing.due;
    let steps = reads.license_log(MAX_STEPS).await?;
    let (license, ladder) = (read.account.terms.license, &catalog.ladder);
    let off = license.restriction(ladder, wording.now);
    let (headline, detail) = match license {
        License::Active => ("Active".into(), "Everything in your plan is on.".to_owned()),
        License::Grace { since } => {
            let is_mailed = due.is_some_and(|invoice| invoice.due_at.is_some());
            let how = if is_mailed { "It was due" } else { "The payment failed" };
            let since = wording.local_time(since).date;
            (
                format!("An {} is unpaid", invoice_of(due)),
                format!("{how} on {since}. {} Paying it restores everything immediately.", is_off(off)),
            )
        }
        License::Suspended { cause: SuspensionCause::NonPayment, .. } => (
            "AI is paused".into(),
            format!("An {} was unpaid for too long. Paying it restores everything immediately.", invoice_of(due)),
        ),
        License::Suspended { since, cause: SuspensionCause::Staff } => {
            let since = wording.local_time(since).date;
            (
                "AI is suspended".into(),
                format!(
                    "Support suspended it on {since}. A payment doesn't lift the suspension: contact support. You keep your tokens."
                ),
            )
        }
        License::Canceled { .. } => ("The subscription has ended".into(), "Choose a plan to use AI again.".into()),
    };
    let may_pay = who.viewer.role.permits(Action::OpenCustomerPortal);
    let is_overdue =
        matches!(license, License::Grace { .. } | License::Suspended { cause: SuspensionCause::NonPayment, .. });
    // The headline says that an invoice is overdue.
    let mut notices = notices::list(&facts, &standing, catalog, (who, wording));
    notices.drain(..usize::from(is_overdue && !notices.is_empty()));
    let upcoming = license
        .upcoming_rungs(ladder, wording.now)
        .map(|(at, off)| (wording.local_time(at), off.description().to_owned()));
    // The ladder only applies to unpaid invoices, not to a suspension by staff.
    let stopped = matches!(license, License::Suspended { cause: SuspensionCause::Staff, .. });
    let rungs = ladder.iter().filter(|rung| rung.off != Restriction::None && !stopped);
    Ok(LicenseView {
        headline,
        detail,
        portal: may_pay && subscribed,
        pay_url: due.and_then(|invoice| invoice.url.clone()).filter(|_| may_pay && is_overdue),
        notices,
        active: license == License::Active,
        upcoming: upcoming.collect(),
        ladder: rungs.map(|rung| (rung.day, rung.off.description().to_owned())).collect(),
        history: steps.iter().map(|Logged { step, .. }| (wording.local_time(step.at), describe_step(step))).collect(),
    })
}

/// Returns the notice on every page of the organization, or `None` if there is nothing to report. `due` is the overdue
/// invoice, if it is known.
pub fn banner(
    license: License,
    due: Option<&Invoice>,
    ladder: &[Rung],
    (zone, now): (TimeZone, Instant),
) -> Option<String> {
    let text = match license {
        License::Active => return None,
        License::Grace { .. } => {
            let next = license.next_step(ladder, now).map(|(at, off)| {
                let at = LocalTime::new(at, zone, now);
                format!(" Next, on {} ({}): {}", at.text, at.relative, off.description())
            });
            let due_on = due.and_then(|invoice| invoice.due_at).map(|at| LocalTime::new(at, zone, now).date);
            let due_on = due_on.map(|date| format!(" (due {date})")).unwrap_or_default();
            format!(
                "An {} is unpaid{due_on}. {}{}",
                invoice_of(due),
                is_off(license.restriction(ladder, now)),
                next.unwrap_or_default()
            )
        }
        License::Suspended { cause: SuspensionCause::NonPayment, .. } => {
            let invoice = invoice_of(due);
            format!("All AI is off because an {invoice} is unpaid. Paying it restores everything immediately.")
        }
        License::Suspended { cause: SuspensionCause::Staff, .. } => {
            "All AI is off: support has suspended it for your organization. Contact support.".into()
        }
        License::Canceled { since } if now - since < ENDED_NOTICE => {
            "The subscription has ended, so AI is off. Choose a plan to use it again.".into()
        }
        License::Canceled { .. } => return None,
    };
    Some(text)
}

const fn is_off(off: Restriction) -> &'static str {
    match off {
        Restriction::None => "Everything is still on.",
        Restriction::Premium => "Premium features are off.",
        Restriction::Allowance => "Premium features and the allowance are off. You can still use packs.",
        Restriction::Ai => "All AI is off.",
    }
}

/// Describes a license step. Leaves out staff's reason, which only staff may see.
pub(super) fn describe_step(step: &LicenseStep) -> String {
    match (step.license, step.off) {
        (License::Suspended { cause: SuspensionCause::Staff, .. }, _) => "Support suspended AI.".into(),
        (License::Active, _) if step.by.is_some() => "Support lifted the suspension. Everything is on.".into(),
        (_, off) if step.by.is_some() => format!("Support lifted the suspension. {}", is_off(off)),
        (License::Active, _) => "Payments are up to date. Everything is on.".into(),
        (License::Grace { .. }, Restriction::None) => "A payment failed.".into(),
        (License::Grace { .. }, off) => off.description().into(),
        (License::Suspended { cause: SuspensionCause::NonPayment, .. }, _) => "All AI stopped.".into(),
        (License::Canceled { .. }, _) => "The subscription ended.".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_banner_reports_an_ended_subscription_for_two_weeks() {
        let since: Instant = "2026-03-10T09:00:00Z".parse().unwrap();
        let shown = |days| {
            banner(License::Canceled { since }, None, &[], (TimeZone::UTC, since + TimeDelta::days(days))).is_some()
        };
        assert_eq!([0, 13, 14, 400].map(shown), [true, true, false, false]);
    }
}
