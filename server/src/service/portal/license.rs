//! `/license`, and the banner that leads there from every page while something is unpaid.

use app::{
    backend::SignedIn,
    views::{When, license::LicenseView},
};
use brightmeter::{
    license::{License, Off, Rung, Step},
    time::Instant,
};
use chrono_tz::Tz;

use super::{Portal, PortalError, Wording, billing::is_subscribed};
use crate::storage::{licenses, looks::Asker};

/// How many steps the page lists.
const STEPS: i64 = 50;

pub(super) async fn license(portal: &Portal, who: &SignedIn) -> Result<LicenseView, PortalError> {
    let wording = Wording::new(portal, who);
    let (look, mut tx) = portal.reader.open(who.org, &Asker::default()).await?;
    let subscribed = is_subscribed(&mut tx, who.org).await?;
    let steps = licenses::list(&mut tx, who.org, STEPS).await?;
    let (license, ladder) = (look.account.terms.license, &portal.reader.catalog.ladder);
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
        License::Canceled { .. } => ("The subscription has ended", "Take a plan to use AI again.".into()),
    };
    let upcoming = license.ahead(ladder, wording.now).map(|(at, off)| (wording.when(at), off.stops().to_owned()));
    let rungs = ladder.iter().filter(|rung| rung.off != Off::Nothing);
    Ok(LicenseView {
        headline: headline.into(),
        detail,
        portal: who.viewer.manages() && subscribed,
        active: license == License::Active,
        upcoming: upcoming.collect(),
        ladder: rungs.map(|rung| (rung.day, rung.off.stops().to_owned())).collect(),
        history: steps.iter().map(|step| (wording.when(step.at), told(step))).collect(),
    })
}

/// What everybody in the organization is told on every page; nothing while all is paid.
pub fn banner(license: License, ladder: &[Rung], zone: Tz, now: Instant) -> Option<String> {
    let text = match license {
        License::Active => return None,
        License::Grace { .. } => {
            let next = license.next(ladder, now).map(|(at, off)| {
                let when = When::new(at, zone, now);
                format!(" {}, {}: {}", when.text, when.relative, off.stops())
            });
            format!("An invoice is unpaid. {}{}", is_off(license.off(ladder, now)), next.unwrap_or_default())
        }
        License::Suspended { .. } => {
            "All AI is off, because an invoice is unpaid. Paying it brings everything back.".into()
        }
        License::Canceled { .. } => "The subscription has ended, and AI is off. Take a plan to use it again.".into(),
    };
    Some(text)
}

const fn is_off(off: Off) -> &'static str {
    match off {
        Off::Nothing => "Everything is still on.",
        Off::Premium => "Premium features are off.",
        Off::Allowance => "Premium features and the allowance are off; packs can still be spent.",
        Off::Ai => "All AI is off.",
    }
}

fn told(step: &Step) -> String {
    match (step.license, step.off) {
        (License::Active, _) => "Paid: everything is on.".into(),
        (License::Grace { .. }, Off::Nothing) => "A payment failed.".into(),
        (License::Grace { .. }, off) => off.stops().into(),
        (License::Suspended { .. }, _) => "All AI stopped.".into(),
        (License::Canceled { .. }, _) => "The subscription ended.".into(),
    }
}
