//! `/admin/pricing`: what each price leaves, and what if it were another.

pub mod figures;
pub mod tables;

use brightmeter::{
    billing::money::{dollars, dollars_of_micros},
    catalog::{Margin, Month},
};
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

/// The catalog's margins, and a what-if.
#[component]
pub fn PricingPage() -> impl IntoView {
    let asked = use_query_map().with_untracked(|query| {
        query.clone().into_iter().map(|(name, value)| (name.to_string(), value)).collect::<Vec<_>>()
    });
    let nonce = use_nonce();
    load_staff(
        |backend, staff| async move { backend.pricing(&staff, asked).await },
        move |staff, view| view! { <Pricing staff view nonce /> }.into_any(),
    )
}

#[component]
fn Pricing(staff: StaffMember, view: PricingView, nonce: Option<Nonce>) -> impl IntoView {
    let PricingView { floor, sold, figures, assumed } = view;
    let answer = match &assumed {
        Some(month) => view! { <Answer month=month.clone() /> }.into_any(),
        None => view! { <p class="answer">"Nothing is calculated until the figures are right"</p> }.into_any(),
    };
    let month = match assumed {
        Some(month) => view! {
            <UnderFloor floor month=month.clone() />
            <MonthTable month />
        }
        .into_any(),
        None => view! { <p class="empty mt-4">"Mend the figures above, then calculate again."</p> }.into_any(),
    };
    let script = include_str!("pricing/show_values.js");
    view! {
        <AdminFrame staff desk=AdminSection::Pricing title="Pricing">
            <h1 class="eyebrow">"Pricing"</h1>
            {answer}
            <Figures figures />
            <section class="mt-10" aria-labelledby="month">
                <h2 id="month" class="text-2xl font-semibold tracking-tight">
                    "That month"
                </h2>
                {month}
            </section>
            <section class="mt-12" aria-labelledby="sold">
                <h2 id="sold" class="text-2xl font-semibold tracking-tight">
                    "What is sold now"
                </h2>
                <p class="mt-1 text-muted">
                    {format!("A catalog with a margin under {floor} does not start. Costs are those of every token spent.")}
                </p>
                <PriceTable month=sold floor />
            </section>
            <script nonce=nonce>{script}</script>
        </AdminFrame>
    }
}

/// What the month brings and costs.
#[component]
fn Answer(month: Month) -> impl IntoView {
    let mix: Vec<String> = month.mix().into_iter().map(|(count, label)| format!("{count} {label}")).collect();
    let (revenue, cost) = (dollars(month.revenue_cents()), dollars_of_micros(month.cost_micros()));
    let margin = month.margin().map(|margin| format!(": a margin of {margin}")).unwrap_or_default();
    let (answer, detail) = match mix.is_empty() {
        true => ("Nothing is sold, so nothing comes in".into(), "Nor does it cost anything.".into()),
        false => (
            format!("{} bring {revenue} a month", in_a_row(&mix)),
            format!("They cost {cost} to serve if every token is spent{margin}."),
        ),
    };
    view! {
        <p class="answer">{answer}</p>
        <p class="mt-3 text-muted">{detail}</p>
    }
}

/// Which prices are too low, and by how much.
#[component]
fn UnderFloor(month: Month, floor: Margin) -> impl IntoView {
    let items: Vec<_> = month
        .lines
        .into_iter()
        .filter_map(|line| {
            let (label, missing) = (line.label, line.missing?);
            Some(view! { <li>{format!("{label}: {missing} under the floor of {floor}")}</li> })
        })
        .collect();
    match items.is_empty() {
        true => {
            view! { <p class="notice notice-good mt-4">{format!("Every margin is at least {floor}.")}</p> }.into_any()
        }
        false => view! {
            <div class="notice notice-bad mt-4">
                <p class="font-semibold">"A catalog with these prices and costs does not start"</p>
                <ul class="mt-1">{items}</ul>
            </div>
        }
        .into_any(),
    }
}

/// `50 Pro, 50 Enterprise and 3 Booster`.
fn in_a_row(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [firsts @ .., last] => format!("{} and {last}", firsts.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::in_a_row;

    #[test]
    fn parts_stand_in_a_row() {
        let check = |parts: &[&str], text| {
            assert_eq!(in_a_row(&parts.iter().map(ToString::to_string).collect::<Vec<_>>()), text);
        };
        check(&[], "");
        check(&["50 Pro"], "50 Pro");
        check(&["50 Pro", "50 Enterprise", "3 Booster"], "50 Pro, 50 Enterprise and 3 Booster");
    }
}
