//! The tables of prices and of the calculated month.

use brightmeter::{
    billing::money::Currency,
    catalog::{Margin, MarginLine, Month, MonthLine},
    ledger::tokens::grouped,
};
use leptos::prelude::*;

use crate::components::Figures;

/// The cost, price, margin and floor of every price.
#[component]
pub fn PriceTable(
    /// The prices of plans and packs.
    prices: Vec<MarginLine>,
    /// The currency of costs.
    currency: Currency,
    /// The margin floor.
    floor: Margin,
) -> impl IntoView {
    let rows = prices.into_iter().map(move |line| {
        let MarginLine { label, price, cost_micros, margin, .. } = line;
        view! {
            <tr>
                <th scope="row">{label}</th>
                <td class="number">{currency.format_micros(cost_micros)}</td>
                <td class="number">{price.to_string()}</td>
                <td class="number">{margin.map_or_else(|| "–".into(), |margin| margin.to_string())}</td>
                <td class="number">{floor.to_string()}</td>
            </tr>
        }
    });
    view! {
        <Figures
            label="Plans and packs"
            caption="Plans and packs: cost to serve, price, margin and floor"
            of="Plan or pack"
            columns=&["Cost", "Price", "Margin", "Floor"]
        >
            <tbody>{rows.collect_view()}</tbody>
        </Figures>
    }
}

/// The count, revenue, cost and margin of each plan and pack in a month.
#[component]
pub fn MonthTable(
    /// The month.
    month: Month,
) -> impl IntoView {
    let currency = month.currency;
    let (revenue, cost) = (month.revenue().to_string(), currency.format_micros(month.cost_micros()));
    let margin = month.margin().map_or_else(|| "–".into(), |margin| margin.to_string());
    let rows = month.lines.into_iter().map(move |line| {
        let (revenue, cost) = (line.revenue().to_string(), currency.format_micros(line.cost_micros()));
        let MonthLine { label, each, count, .. } = line;
        view! {
            <tr>
                <th scope="row">{label}</th>
                <td class="number">{grouped(count.into())}</td>
                <td class="number">{revenue}</td>
                <td class="number">{cost}</td>
                <td class="number">{each.margin.map_or_else(|| "–".into(), |margin| margin.to_string())}</td>
            </tr>
        }
    });
    view! {
        <Figures
            label="The month by plan and pack"
            caption="The month by plan and pack: count, revenue, cost, and the margin of one"
            of="Plan or pack"
            columns=&["Count", "Revenue", "Cost", "Margin"]
        >
            <tbody>{rows.collect_view()}</tbody>
            <tfoot>
                <tr>
                    <th scope="row">"Total"</th>
                    <td></td>
                    <td class="number">{revenue}</td>
                    <td class="number">{cost}</td>
                    <td class="number">{margin}</td>
                </tr>
            </tfoot>
        </Figures>
    }
}
