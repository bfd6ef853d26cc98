//! `/license`, and the banner that leads there from every page while something is unpaid or suspended.

use app::{
    backend::SignedIn,
    views::{LocalTime, license::LicenseView},
};
use brightmeter::{
    billing::license::{License, LicenseStep, Restriction, Rung},
    time::Instant,
};
use chrono::TimeDelta;
use chrono_tz::Tz;

use super::{AppBackend, BackendError, Wording, billing::is_subscribed};
use crate::storage::{
    account_reads::Requester,
    licenses::{self, Logged},
};

/// How many steps the page lists.
const MAX_STEPS: i64 = 50;
/// How long every page tells that a subscription has ended. Who stays without one knows it by then.
const ENDED_NOTICE: TimeDelta = TimeDelta::days(14);

pub(super) async fn license(backend: &AppBackend, who: &SignedIn) -> Result<LicenseView, BackendError> {
    let wording = Wording::new(backend, who);
    let (look, mut tx) = backend.reader.open(who.org, &Requester::default()).await?;
    let subscribed = is_subscribed(&mut tx, who.org).await?;
    let steps = licenses::list(&mut tx, who.org, MAX_STEPS).await?;
    let (license, ladder) = (look.account.terms.license, &backend.reader.catalog.ladder);
    let off = license.off(ladder, wording.now);
    let (headline, detail) = match license {
        License::Active => ("Active", "Everything in your plan is on.".to_owned()),
        License::Grace { since } => {
            let since = wording.when(since).date;
            (
                "An invoice is unpaid",
                format!("Its payment failed on {since}. {} Paying it brings everything back at once.", is_off(off)),
            )
        }
        License::Suspended { .. } => {
            ("AI is paused", "An invoice was unpaid for too long. Paying it brings everything back at once.".into())
        }
        License::Stopped { since } => {
            let since = wording.when(since).date;
            (
                "AI is suspended",
                format!("Support suspended it on {since}. No payment lifts that: ask support. Your tokens stay."),
            )
        }
        License::Canceled { .. } => ("The subscription has ended", "Take a plan to use AI again.".into()),
    };
    let upcoming = license.ahead(ladder, wording.now).map(|(at, off)| (wording.when(at), off.stops().to_owned()));
    // What an invoice would do says nothing to whom staff have suspended.
    let stopped = matches!(license, License::Stopped { .. });
    let rungs = ladder.iter().filter(|rung| rung.off != Restriction::None && !stopped);
    Ok(LicenseView {
        headline: headline.into(),
        detail,
        portal: who.viewer.manages() && subscribed,
        active: license == License::Active,
        upcoming: upcoming.collect(),
        ladder: rungs.map(|rung| (rung.day, rung.off.stops().to_owned())).collect(),
        history: steps.iter().map(|Logged { step, .. }| (wording.when(step.at), told(step))).collect(),
    })
}

/// What everybody in the organization is told on every page; nothing while all is on.
pub fn banner(license: License, ladder: &[Rung], zone: Tz, now: Instant) -> Option<String> {
    let text = match license {
        License::Active => return None,
        License::Grace { .. } => {
            let next = license.next(ladder, now).map(|(at, off)| {
                let when = LocalTime::new(at, zone, now);
                format!(" {}, {}: {}", when.text, when.relative, off.stops())
            });
            format!("An invoice is unpaid. {}{}", is_off(license.off(ladder, now)), next.unwrap_or_default())
        }
        License::Suspended { .. } => {
            "All AI is off, because an invoice is unpaid. Paying it brings everything back.".into()
        }
        License::Stopped { .. } => "All AI is off: support has suspended it for your organization. Ask support.".into(),
        License::Canceled { since } if now - since < ENDED_NOTICE => {
            "The subscription has ended, and AI is off. Take a plan to use it again.".into()
        }
        License::Canceled { .. } => return None,
    };
    Some(text)
}

const fn is_off(off: Restriction) -> &'static str {
    match off {
        Restriction::None => "Everything is still on.",
        Restriction::Premium => "Premium features are off.",
        Restriction::Allowance => "Premium features and the allowance are off; packs can still be spent.",
        Restriction::Ai => "All AI is off.",
    }
}

/// What happened. Why staff did it is not said: that is for staff alone.
pub(super) fn told(step: &LicenseStep) -> String {
    match (step.license, step.off) {
        (License::Stopped { .. }, _) => "Support suspended AI.".into(),
        (License::Active, _) if step.by.is_some() => "Support lifted the suspension: everything is on.".into(),
        (_, off) if step.by.is_some() => format!("Support lifted the suspension. {}", is_off(off)),
        (License::Active, _) => "Paid: everything is on.".into(),
        (License::Grace { .. }, Restriction::None) => "A payment failed.".into(),
        (License::Grace { .. }, off) => off.stops().into(),
        (License::Suspended { .. }, _) => "All AI stopped.".into(),
        (License::Canceled { .. }, _) => "The subscription ended.".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn that_a_subscription_has_ended_is_told_for_two_weeks() {
        let since: Instant = "2026-03-10T09:00:00Z".parse().unwrap();
        let told = |days| banner(License::Canceled { since }, &[], Tz::UTC, since + TimeDelta::days(days)).is_some();
        assert_eq!([0, 13, 14, 400].map(told), [true, true, false, false]);
    }
}
