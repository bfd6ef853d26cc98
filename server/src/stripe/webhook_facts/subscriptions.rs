//! Reads subscriptions to plans, from events and from Stripe's subscription list.

use brightmeter::{
    billing::{
        period::Anchor,
        schedule::Schedule,
        subscription::{PendingUpdate, PlanLine, Status, Subscription, SubscriptionSnapshot},
    },
    time::Instant,
};
use serde_json::Value;

use super::{PLAN, complete_list, currency, id_of, instant, text};

/// Reads the list of all of a customer's subscriptions. Subscriptions to other products are left out. Of their schedules,
/// the list has only the ids.
///
/// # Errors
/// Also if the list is incomplete, or a status is unknown.
pub fn list(list: &Value, number: i64, read_at: Instant) -> Result<SubscriptionSnapshot, &'static str> {
    let subscriptions = complete_list(list)?.iter().filter_map(|object| read(object, read_at).transpose());
    Ok(SubscriptionSnapshot { number, read_at, subscriptions: subscriptions.collect::<Result<_, _>>()? })
}

/// Reads a subscription as of `read_at`. Returns `None` if it is not for a plan of ours: neither a price nor the
/// subscription names a plan.
pub fn read(object: &Value, read_at: Instant) -> Result<Option<Subscription>, &'static str> {
    let items = object["items"]["data"].as_array().map(Vec::as_slice).unwrap_or_default();
    let plan_items = plan_items(object, items);
    if plan_items.is_empty() {
        return Ok(None);
    }
    if object["items"]["has_more"] == true {
        return Err("a subscription has more items than Stripe listed");
    }
    let id = text(&object["id"]).ok_or("a subscription has no id")?;
    let status = object["status"].as_str().and_then(Status::parse).ok_or("a subscription has an unknown status")?;
    let anchor = Anchor(instant(&object["billing_cycle_anchor"]).ok_or("a subscription has no billing_cycle_anchor")?);
    let lines = plan_items.into_iter().map(|(item, plan)| line(object, item, plan, anchor, read_at));
    let lines: Vec<PlanLine> = lines.collect::<Result<_, _>>()?;
    let period_end = lines.iter().map(|line| line.end).max().filter(|_| object["cancel_at_period_end"] == true);
    let ended_at =
        instant(&object["ended_at"]).or_else(|| instant(&object["canceled_at"])).filter(|_| status == Status::Canceled);
    let pending = &object["pending_update"];
    Ok(Some(Subscription {
        id,
        status,
        currency: currency(&object["currency"]).unwrap_or_default(),
        created_at: instant(&object["created"]).unwrap_or(anchor.0),
        anchor,
        lines,
        trial_end: instant(&object["trial_end"]),
        cancel_at: instant(&object["cancel_at"]).or(period_end),
        ended_at,
        collection_paused: object["pause_collection"].is_object(),
        is_mailed: object["collection_method"] == "send_invoice",
        pending: instant(&pending["expires_at"]).map(|expires_at| PendingUpdate { expires_at }),
        schedule: id_of(&object["schedule"]).map(|id| Schedule { id, phases: Vec::new() }),
    }))
}

/// Returns the items that are for a plan, each with the plan's name: the items whose price names a plan. If none does,
/// the subscription's own metadata may name the plan of a price that was created by hand: then the most expensive item
/// that is not metered is the plan's.
fn plan_items<'a>(object: &'a Value, items: &'a [Value]) -> Vec<(&'a Value, String)> {
    let named: Vec<(&Value, String)> =
        items.iter().filter_map(|item| Some((item, text(&price(item)["metadata"][PLAN])?))).collect();
    let Some(plan) = text(&object["metadata"][PLAN]).filter(|_| named.is_empty()) else { return named };
    let licensed = items.iter().filter(|item| price(item)["recurring"]["usage_type"] != "metered");
    let first = licensed.rev().max_by_key(|item| price(item)["unit_amount"].as_i64());
    first.map(|item| (item, plan)).into_iter().collect()
}

/// The price of an item, which old API versions call its plan.
fn price(item: &Value) -> &Value {
    if item["price"].is_object() { &item["price"] } else { &item["plan"] }
}

fn line(
    object: &Value,
    item: &Value,
    plan: String,
    anchor: Anchor,
    read_at: Instant,
) -> Result<PlanLine, &'static str> {
    let id = text(&item["id"]).ok_or("a subscription has an item without an id")?;
    // Old API versions have the period on the subscription.
    let field = |name: &str| instant(&item[name]).or_else(|| instant(&object[name]));
    let interval = price(item)["recurring"]["interval"].as_str().unwrap_or("month");
    let (start, end) = match (field("current_period_start"), field("current_period_end")) {
        (Some(start), Some(end)) => (start, end),
        _ if interval == "month" => {
            let period = anchor.period_at(read_at);
            (period.start, period.end)
        }
        _ => return Err("a subscription has no current_period_start and current_period_end"),
    };
    Ok(PlanLine { item: id, plan, start, end })
}
