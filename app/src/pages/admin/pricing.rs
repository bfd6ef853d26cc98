//! `/admin/pricing`: the catalog's margins and a what-if calculator.

pub mod figures;
pub mod tables;

use brightmeter::catalog::{Margin, Month};
use leptos::{
    nonce::{Nonce, use_nonce},
    prelude::*,
};
use leptos_router::hooks::use_query_map;

use self::{
    figures::Figures,
    tables::{MonthTable, PriceTable},
};
use crate::{
    backend::StaffMember,
    components::{AdminFrame, AdminSection, load_staff},
    views::admin::PricingView,
};

/// The catalog's margins and the what-if calculator.
#[component]
pub fn PricingPage() -> impl IntoView {
    let requested = use_query_map().with_untracked(|query| {
        query.clone().into_iter().map(|(name, value)| (name.to_string(), value)).collect::<Vec<_>>()
    });
    let nonce = use_nonce();
    load_staff(
        |backend, staff| async move { backend.pricing(&staff, requested).await },
        move |staff, view| view! { <Pricing staff view nonce /> }.into_any(),
    )
}

#[component]
fn Pricing(staff: StaffMember, view: PricingView, nonce: Option<Nonce>) -> impl IntoView {
    let PricingView { floor, currency, prices, figures, assumed } = view;
    let answer = match &assumed {
        Some(month) => view! { <Answer month=month.clone() /> }.into_any(),
        None => view! { <p class="answer">"Fix the values to see the result"</p> }.into_any(),
    };
    let month = match assumed {
        Some(month) => view! {
            <UnderFloor floor month=month.clone() />
            <MonthTable month />
        }
        .into_any(),
        None => view! { <p class="empty mt-4">"Fix the values above, then calculate again."</p> }.into_any(),
    };
    let script = include_str!("pricing/show_values.js");
    view! {
        <AdminFrame staff section=AdminSection::Pricing title="Pricing">
            <h1 class="eyebrow">"Pricing"</h1>
            {answer}
            <Figures figures currency />
            <section class="mt-10" aria-labelledby="month">
                <h2 id="month" class="text-2xl font-semibold tracking-tight">
                    "Result"
                </h2>
                {month}
            </section>
            <section class="mt-12" aria-labelledby="sold">
                <h2 id="sold" class="text-2xl font-semibold tracking-tight">
                    "Current catalog"
                </h2>
                <p class="mt-1 text-muted">
                    {format!("Brightmeter won't start with a margin below {floor}. Costs assume that every token is spent.")}
                </p>
                <PriceTable prices currency floor />
            </section>
            <script nonce=nonce>{script}</script>
        </AdminFrame>
    }
}

/// The revenue, cost and margin of the month.
#[component]
fn Answer(month: Month) -> impl IntoView {
    let mix: Vec<String> = month.mix().into_iter().map(|(count, label)| format!("{count} {label}")).collect();
    let (revenue, cost) = (month.revenue(), month.currency.format_micros(month.cost_micros()));
    let margin = month.margin().map(|margin| format!(", a margin of {margin}")).unwrap_or_default();
    let (answer, detail) = match mix.is_empty() {
        true => ("No sales, no revenue".into(), "Costs are zero, too.".into()),
        false => (
            format!("{revenue} a month from {}", join_list(&mix)),
            format!("Serving them costs {cost} if every token is spent{margin}."),
        ),
    };
    view! {
        <p class="answer">{answer}</p>
        <p class="mt-3 text-muted">{detail}</p>
    }
}

/// The prices whose margin is below the floor, and by how much.
#[component]
fn UnderFloor(month: Month, floor: Margin) -> impl IntoView {
    let items: Vec<_> = month
        .lines
        .into_iter()
        .filter_map(|line| {
            let (label, missing) = (line.label, line.missing?);
            Some(view! { <li>{format!("{label}: {missing} below the floor of {floor}")}</li> })
        })
        .collect();
    match items.is_empty() {
        true => {
            view! { <p class="notice notice-good mt-4">{format!("Every margin is at least {floor}.")}</p> }.into_any()
        }
        false => view! {
            <div class="notice notice-bad mt-4">
                <p class="font-semibold">"Brightmeter won't start with these prices and costs"</p>
                <ul class="mt-1">{items}</ul>
            </div>
        }
        .into_any(),
    }
}

/// Joins parts to a list: `50 Pro, 50 Enterprise and 3 Booster`.
fn join_list(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [firsts @ .., last] => format!("{} and {last}", firsts.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::join_list;

    #[test]
    fn parts_are_joined_with_commas_and_a_final_and() {
        let check = |parts: &[&str], text| {
            assert_eq!(join_list(&parts.iter().map(ToString::to_string).collect::<Vec<_>>()), text);
        };
        check(&[], "");
        check(&["50 Pro"], "50 Pro");
        check(&["50 Pro", "50 Enterprise", "3 Booster"], "50 Pro, 50 Enterprise and 3 Booster");
    }
}
