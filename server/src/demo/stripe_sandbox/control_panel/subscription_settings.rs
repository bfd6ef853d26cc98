//! The control panel's settings of a subscription: collection, discount, schedule, add-ons.

use super::{
    by_hand::prices,
    forms::{button, form, number, select, submit_button},
};
use crate::demo::stripe_sandbox::{PauseBehavior, billing_records::Subscription, html::escape, state::State};

/// All settings, folded. The other items are always visible.
pub(super) fn settings(state: &State, mount: &str, it: &Subscription) -> String {
    let others = it.items.iter().filter(|item| it.plan_item() != Some(item));
    let others: String = others.map(|item| format!("<p>Also {}</p>", escape(&item.price.label()))).collect();
    format!(
        "{others}<details><summary>More<span class=\"unseen\"> {}</span></summary>{}{}{}{}</details>",
        escape(&it.id),
        collection(mount, it),
        discount(mount, it),
        schedule(state, mount, it),
        add_on(mount, it),
    )
}

fn discount(mount: &str, it: &Subscription) -> String {
    let percent = it.discount.as_ref().map_or(100, |discount| discount.percent.into());
    let fields = number("Discount in percent", "percent", 0, 100, percent)
        + &submit_button("Discount the next invoices", &it.id);
    form(mount, "discount", &it.id, &fields)
}

fn schedule(state: &State, mount: &str, it: &Subscription) -> String {
    if let Some(schedule) = &it.schedule {
        return format!("<p>Schedule <code>{}</code></p>", escape(schedule));
    }
    let fields = prices(state) + &submit_button("Schedule a change at the renewal", &it.id);
    form(mount, "schedule_change", &it.id, &fields)
}

fn add_on(mount: &str, it: &Subscription) -> String {
    let places = [("last", "after the plan"), ("first", "before the plan")];
    let fields = number("Units a period", "units", 0, 1_000_000, 40)
        + &select("Place", "value", places.map(|(value, label)| (value.to_owned(), label.to_owned())))
        + &submit_button("Add metered item", &it.id);
    form(mount, "add_metered_item", &it.id, &fields)
}

/// Whether invoices are mailed, and whether their collection is paused.
fn collection(mount: &str, it: &Subscription) -> String {
    let mailed = match it.days_until_due {
        None => button(mount, "mail_invoices", &it.id, "", "Mail invoices (net 30)"),
        Some(days) => {
            format!("<p>Invoices are mailed, due after {days} days.</p>")
                + &button(mount, "charge_card", &it.id, "", "Charge the card")
        }
    };
    let pause = match it.pause {
        None => {
            let behaviors = [PauseBehavior::KeepAsDraft, PauseBehavior::Void, PauseBehavior::MarkUncollectible];
            let options = behaviors.map(|it| (it.name().to_owned(), it.name().replace('_', " ")));
            let fields = select("Invoices meanwhile", "value", options) + &submit_button("Pause collection", &it.id);
            form(mount, "pause_collection", &it.id, &fields)
        }
        Some(pause) => {
            format!("<p>Collection is paused: {}.</p>", pause.behavior.name().replace('_', " "))
                + &button(mount, "resume_collection", &it.id, "", "Resume collection")
        }
    };
    mailed + &pause
}
