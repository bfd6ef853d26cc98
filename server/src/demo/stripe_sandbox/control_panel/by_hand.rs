//! The control panel's section on what is done by hand in Stripe's dashboard: prices, subscriptions,
//! customers, and traffic of other products.

use super::forms::{button, form, number, select, submit_button, text};
use crate::demo::stripe_sandbox::state::State;

pub(super) fn section(state: &State, mount: &str) -> String {
    let mut html = create_price(mount);
    if !state.customers.is_empty() && !state.prices.is_empty() {
        html += &subscribe(state, mount);
    }
    if !state.customers.is_empty() {
        html += &billing_details(state, mount);
        for (action, label) in
            [("other_product", "Subscribe to another product"), ("delete_customer", "Delete customer")]
        {
            html += &form(mount, action, "", &(customers(state) + &submit_button(label, "")));
        }
    }
    html + &button(mount, "foreign_traffic", "", "", "Emit events of another product")
        + &button(mount, "live_event", "", "", "Emit an event of live mode")
}

fn create_price(mount: &str) -> String {
    let interval = |name: &str| (name.to_owned(), format!("a {name}"));
    let fields = text("Price name", "name", "Pro")
        + &number("Amount in the smallest unit", "amount", 0, 99_999_999, 14_900)
        + &text("Currency", "currency", "eur")
        + &select("Interval", "interval", ["month", "year"].map(interval))
        + &submit_button("Create price", "");
    form(mount, "create_price", "", &fields)
}

fn subscribe(state: &State, mount: &str) -> String {
    let fields = customers(state) + &prices(state) + &submit_button("Subscribe by hand", "");
    form(mount, "subscribe", "", &fields)
}

fn billing_details(state: &State, mount: &str) -> String {
    let fields = customers(state)
        + &text("Name", "name", "Bright Audio GmbH")
        + &text("Country", "country", "DE")
        + &text("VAT ID", "tax_id", "DE123456789")
        + &submit_button("Set billing details", "");
    form(mount, "set_billing_details", "", &fields)
}

/// A list of the customers to choose from.
fn customers(state: &State) -> String {
    let all = state.customers.values();
    select("Customer", "customer", all.map(|it| (it.id.clone(), it.name.clone().unwrap_or_else(|| it.id.clone()))))
}

/// A list of the prices to choose from.
pub(super) fn prices(state: &State) -> String {
    select("Price", "price", state.prices.values().map(|it| (it.id.clone(), it.label())))
}
