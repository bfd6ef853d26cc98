//! The what-if form: sliders that start at the catalog's values.

use brightmeter::{
    billing::money::{Currency, Money},
    catalog::Figure,
    ledger::tokens::grouped,
};
use leptos::prelude::*;

use crate::views::admin::FigureView;

/// The what-if form, with sliders grouped by kind. It works without a script; with one, a slider's value updates while
/// it moves.
#[component]
pub fn Figures(
    /// The figures. Those of one kind must be adjacent.
    figures: Vec<FigureView>,
    /// The currency of prices and costs.
    currency: Currency,
) -> impl IntoView {
    let problems: Vec<(String, String)> =
        figures.iter().filter_map(|it| Some((it.figure.to_string(), it.problem.clone()?))).collect();
    let mut groups: Vec<(&'static str, Vec<FigureView>)> = Vec::new();
    for figure in figures {
        let group = group(&figure.figure);
        match groups.last_mut() {
            Some((name, members)) if *name == group => members.push(figure),
            _ => groups.push((group, vec![figure])),
        }
    }
    let groups = groups.into_iter().map(|(name, members)| {
        let sliders = members.into_iter().map(|figure| view! { <Slider figure currency /> }).collect_view();
        view! {
            <fieldset class="grid content-start gap-4">
                <legend class="card-title mb-3">{name}</legend>
                {sliders}
            </fieldset>
        }
    });
    view! {
        <form
            id="what-if"
            method="get"
            action="/admin/pricing"
            class="card mt-8"
            aria-labelledby="what-if-title"
            data-currency=currency.to_string()
            data-digits=currency.minor_digits().to_string()
        >
            <h2 id="what-if-title" class="text-lg font-semibold">
                "What if"
            </h2>
            <p class="mt-1 text-sm text-muted">
                {format!("All amounts are in {}, the catalog's own currency.", currency.as_str().to_ascii_uppercase())}
            </p>
            <Problems problems />
            <div class="mt-4 grid gap-x-10 gap-y-8 md:grid-cols-2">{groups.collect_view()}</div>
            <p class="mt-6 flex flex-wrap items-center gap-3">
                <button type="submit" class="btn">
                    "Calculate"
                </button>
                <a class="link" href="/admin/pricing">
                    "Reset to the catalog"
                </a>
            </p>
        </form>
    }
}

#[component]
fn Problems(problems: Vec<(String, String)>) -> impl IntoView {
    let any = !problems.is_empty();
    let items = problems.into_iter().map(|(name, problem)| {
        view! {
            <li>
                <a class="underline" href=format!("#{name}")>
                    {problem}
                </a>
            </li>
        }
    });
    let items = items.collect_view();
    any.then(|| {
        view! {
            <div role="alert" class="notice notice-bad mt-4">
                <ul>{items}</ul>
            </div>
        }
    })
}

#[component]
fn Slider(figure: FigureView, currency: Currency) -> impl IntoView {
    let FigureView { figure, label, value, usual, most, problem } = figure;
    let name = figure.to_string();
    let unit = unit(&figure);
    let format_value = |value: u32| format_value(&figure, value, currency);
    let number = value.parse::<u32>().ok().filter(|number| *number <= most);
    // An invalid value is shown in a text field as it was typed. A slider would silently replace it.
    let (kind, shown) = number.map_or(("text", "invalid".into()), |number| ("range", format_value(number)));
    let hint = format!("{name}-hint");
    let error = format!("{name}-error");
    let described = if problem.is_some() { format!("{hint} {error}") } else { hint.clone() };
    let class = if number.is_some() { "w-full accent-accent" } else { "control" };
    let (usual_text, most_text) = (usual_text(&figure, &format_value(usual)), format_value(most));
    let invalid = problem.is_some().then_some("true");
    view! {
        <div class="grid gap-1">
            <div class="flex flex-wrap items-baseline justify-between gap-x-4">
                <label for=name.clone() class="text-sm font-medium">
                    {label}
                </label>
                <output for=name.clone() aria-live="off" class="font-medium tabular-nums">
                    {shown}
                </output>
            </div>
            {problem.map(|problem| view! { <p id=error class="problem">{problem}</p> })}
            <input
                id=name.clone()
                name=name
                type=kind
                class=class
                min="0"
                max=most.to_string()
                step=step(number.unwrap_or(usual), usual).to_string()
                value=value
                data-unit=unit
                aria-describedby=described
                aria-invalid=invalid
            />
            <p id=hint class="text-sm text-muted">
                {format!("{}; up to {}", usual_text, most_text)}
            </p>
        </div>
    }
}

/// The name of a figure's group.
const fn group(figure: &Figure) -> &'static str {
    match figure {
        Figure::Customers(_) => "Customers",
        Figure::Sold(_) => "Packs sold per month",
        Figure::PlanPrice(_) => "Plan price per month",
        Figure::PackPrice(_) => "Pack price",
        Figure::UnitCost(_) => "Cost to serve one token",
    }
}

fn usual_text(figure: &Figure, usual: &str) -> String {
    match figure {
        Figure::Customers(_) | Figure::Sold(_) => format!("Default {usual}"),
        _ => format!("Currently {usual}"),
    }
}

/// The unit of a figure, for the script.
const fn unit(figure: &Figure) -> &'static str {
    match figure {
        Figure::Customers(_) | Figure::Sold(_) => "count",
        Figure::PlanPrice(_) | Figure::PackPrice(_) => "minor",
        Figure::UnitCost(_) => "micros",
    }
}

fn format_value(figure: &Figure, value: u32, currency: Currency) -> String {
    match figure {
        Figure::Customers(_) | Figure::Sold(_) => grouped(value.into()),
        Figure::PlanPrice(_) | Figure::PackPrice(_) => Money::new(value, currency).to_string(),
        Figure::UnitCost(_) => currency.format_micros(value.into()),
    }
}

/// Returns the largest step that divides both values, because a slider changes a value that isn't on a step.
fn step(value: u32, usual: u32) -> u32 {
    let divides_both = |step: &u32| value.is_multiple_of(*step) && usual.is_multiple_of(*step);
    // Counts are small and use steps of 1.
    let steps = if value.max(usual) > 1_000 { [100, 10] } else { [1, 1] };
    steps.into_iter().find(divides_both).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::step;

    #[test]
    fn a_slider_can_show_both_the_value_and_the_usual_value() {
        for (value, usual, expected) in [
            (50, 50, 1),
            (14_900, 14_900, 100),
            (14_950, 14_900, 10),
            (2_999, 2_900, 1),
            (0, 8_000, 100),
            (8_001, 8_000, 1),
        ] {
            assert_eq!(step(value, usual), expected, "{value} and {usual}");
        }
    }
}
