//! The staff console's pages: pricing, reconciliation.

use app::views::admin::{FigureView, PricingView, ReconciliationView};
use brightmeter::{
    catalog::{Catalog, Figure, WhatIf},
    ledger::tokens::grouped,
};

use super::AppBackend;

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
