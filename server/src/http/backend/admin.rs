//! The staff console's pages: pricing, Stripe events, reconciliation.

use app::{
    backend::StaffMember,
    views::admin::{EventView, EventsView, FigureView, PricingView, ReconciliationView},
};
use brightmeter::{
    catalog::{Catalog, Figure, WhatIf},
    ledger::tokens::grouped,
};
use chrono_tz::Tz;

use super::{AppBackend, BackendError, Wording};
use crate::service::staff::Unsettled;

/// The maximum number of events per list.
const PAGE_SIZE: i64 = 100;
/// The number of characters of an invalid figure that are shown again.
const MAX_QUERY_CHARS: usize = 40;

pub(super) fn pricing(catalog: &Catalog, requested: &[(String, String)]) -> PricingView {
    let mut what_if = WhatIf::new(catalog);
    let figures =
        what_if.figures().into_iter().map(|figure| apply_figure(&mut what_if, figure, requested)).collect::<Vec<_>>();
    let valid = figures.iter().all(|figure| figure.problem.is_none());
    PricingView {
        floor: catalog.margin_floor(),
        currency: catalog.currency,
        prices: catalog.margins(),
        figures,
        assumed: valid.then(|| what_if.month()),
    }
}

/// Applies the requested value of a figure, if it is valid.
fn apply_figure(what_if: &mut WhatIf<'_>, figure: Figure, requested: &[(String, String)]) -> FigureView {
    let (name, usual, most) = (figure.to_string(), what_if.value(&figure), what_if.max(&figure));
    let typed = requested.iter().rev().find(|(field, _)| *field == name).map(|(_, typed)| typed.trim());
    let typed = typed.filter(|typed| !typed.is_empty());
    let problem = typed.and_then(|typed| {
        let set = typed.parse::<u32>().is_ok_and(|value| what_if.set(&figure, value).is_ok());
        (!set).then(|| {
            format!(
                "{}: use a whole number{} from 0 to {}.",
                what_if.label(&figure),
                unit(&figure),
                grouped(most.into())
            )
        })
    });
    let value = typed.map_or_else(|| usual.to_string(), |typed| typed.chars().take(MAX_QUERY_CHARS).collect());
    FigureView { label: what_if.label(&figure).to_owned(), figure, value, usual, most, problem }
}

/// The unit of a figure, as a suffix to "a whole number". Empty for counts.
const fn unit(figure: &Figure) -> &'static str {
    match figure {
        Figure::Customers(_) | Figure::Sold(_) => "",
        Figure::PlanPrice(_) | Figure::PackPrice(_) => " of minor units",
        Figure::UnitCost(_) => " of millionths",
    }
}

pub(super) async fn events(backend: &AppBackend, staff: &StaffMember) -> Result<EventsView, BackendError> {
    let wording = Wording { zone: Tz::UTC, now: backend.reader.clock.now() };
    let left = backend.staff.events_needing_attention(PAGE_SIZE + 1).await?;
    let waiting = backend.staff.waiting_events(PAGE_SIZE + 1).await?;
    let ((left, more_left), (waiting, more_waiting)) = (page(left, staff, wording), page(waiting, staff, wording));
    Ok(EventsView { needs_attention: left, more_need_attention: more_left, waiting, more_waiting })
}

/// Returns the first page of events, and whether there are more.
fn page(mut events: Vec<Unsettled>, staff: &StaffMember, wording: Wording) -> (Vec<EventView>, bool) {
    let more = i64::try_from(events.len()).is_ok_and(|found| found > PAGE_SIZE);
    events.truncate(PAGE_SIZE as usize);
    (events.into_iter().map(|event| view(event, staff, wording)).collect(), more)
}

fn view(event: Unsettled, staff: &StaffMember, wording: Wording) -> EventView {
    let Unsettled { id, kind, received_at, attempts, outcome, due_at, replayed_at } = event;
    // The demo's events come from the sandbox and don't exist at Stripe.
    let at_stripe = !staff.demo && id.starts_with("evt_") && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    EventView {
        stripe_url: at_stripe.then(|| format!("https://dashboard.stripe.com/events/{id}")),
        id,
        kind,
        received_at: wording.local_time(received_at),
        attempts,
        why: outcome,
        next_at: due_at.filter(|at| *at > wording.now).map(|at| wording.local_time(at)),
        replayed_at: replayed_at.map(|at| wording.local_time(at)),
    }
}

pub(super) fn reconciliation(backend: &AppBackend) -> ReconciliationView {
    ReconciliationView { sells: backend.purchases.gateway.is_some() }
}

#[cfg(test)]
mod tests {
    use brightmeter::DEFAULT_CATALOG;

    use super::*;

    /// Checks the month's revenue in dollars, or the problems, for the requested figures.
    fn check(requested: &[(&str, &str)], expected: Result<i64, &[&str]>) {
        let catalog = Catalog::parse(DEFAULT_CATALOG).unwrap();
        let requested: Vec<_> =
            requested.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let view = pricing(&catalog, &requested);
        let problems: Vec<&str> = view.figures.iter().filter_map(|figure| figure.problem.as_deref()).collect();
        match expected {
            Ok(dollars) => assert_eq!((view.assumed.unwrap().revenue().minor / 100, problems), (dollars, vec![])),
            Err(expected) => assert_eq!((view.assumed, problems.as_slice()), (None, expected)),
        }
    }

    #[test]
    fn figures_default_to_the_catalog() {
        check(&[], Ok(27_400));
        check(&[("customers-pro", "60"), ("customers-enterprise", "40"), ("unknown", "x")], Ok(24_900));
        check(&[("customers-pro", ""), ("price-plan-pro", " 19900 ")], Ok(29_900));
        check(&[("customers-pro", "1"), ("customers-pro", "50")], Ok(27_400));
    }

    #[test]
    fn an_invalid_figure_is_reported() {
        check(&[("customers-pro", "1001")], Err(&["Pro: use a whole number from 0 to 1,000."]));
        check(&[("price-pack-booster", "-1")], Err(&["Booster: use a whole number of minor units from 0 to 11,600."]));
        check(
            &[("cost-ai", "0.01"), ("cost-deep", "99999999999")],
            Err(&[
                "AI tokens: use a whole number of millionths from 0 to 32,000.",
                "Deep tokens: use a whole number of millionths from 0 to 80,000.",
            ]),
        );
    }
}
