//! Reads subscription schedules.

use brightmeter::billing::schedule::{Schedule, SchedulePhase};
use serde_json::Value;

use super::{PLAN, instant, text};

/// Reads a schedule whose prices and subscription are expanded. Returns `None` if it has ended.
///
/// A subscription that ends with its schedule has a last phase without a plan.
pub fn read(object: &Value) -> Result<Option<Schedule>, &'static str> {
    match object["status"].as_str() {
        Some("not_started" | "active") => {}
        Some("completed" | "released" | "canceled") => return Ok(None),
        _ => return Err("a schedule has an unknown status"),
    }
    let id = text(&object["id"]).ok_or("a schedule has no id")?;
    let objects = object["phases"].as_array().ok_or("a schedule has no phases")?;
    let phases = objects.iter().filter_map(|phase| self::phase(phase, &object["subscription"]).transpose());
    let mut phases: Vec<SchedulePhase> = phases.collect::<Result<_, _>>()?;
    if object["end_behavior"] == "cancel"
        && let Some(end) = objects.last().and_then(|last| instant(&last["end_date"]))
    {
        phases.push(SchedulePhase { start: end, plans: Vec::new() });
    }
    Ok(Some(Schedule { id, phases }))
}

/// Reads a phase. As for subscriptions, its prices name its plans; if none does, the metadata may. Returns `None` if its
/// prices are not expanded, so that its plan is unknown.
fn phase(object: &Value, subscription: &Value) -> Result<Option<SchedulePhase>, &'static str> {
    let start = instant(&object["start_date"]).ok_or("a phase of a schedule has no start_date")?;
    let items = object["items"].as_array().ok_or("a phase of a schedule has no items")?;
    if !items.iter().all(|item| item["price"].is_object()) {
        return Ok(None);
    }
    let mut plans: Vec<String> = items.iter().filter_map(|item| text(&item["price"]["metadata"][PLAN])).collect();
    if plans.is_empty() {
        plans.extend(text(&object["metadata"][PLAN]).or_else(|| text(&subscription["metadata"][PLAN])));
    }
    Ok(Some(SchedulePhase { start, plans }))
}

#[cfg(test)]
mod tests {
    use brightmeter::time::Instant;
    use serde_json::json;

    use super::*;

    fn price(plan: Option<&str>) -> Value {
        let metadata = plan.map_or_else(|| json!({}), |plan| json!({ PLAN: plan }));
        json!({ "price": { "id": "price_1", "object": "price", "metadata": metadata }, "quantity": 1 })
    }

    fn phase(start: i64, items: &[Value]) -> Value {
        json!({ "start_date": start, "end_date": start + 100, "items": items, "metadata": {} })
    }

    fn schedule(end_behavior: &str, phases: &[Value]) -> Value {
        json!({ "id": "sub_sched_1", "status": "active", "end_behavior": end_behavior, "phases": phases,
            "subscription": { "id": "sub_1", "metadata": { PLAN: "pro" } } })
    }

    #[track_caller]
    fn check(object: &Value, expected: &[(i64, &[&str])]) {
        let schedule = read(object).unwrap().unwrap();
        let phases: Vec<(Instant, Vec<&str>)> =
            schedule.phases.iter().map(|it| (it.start, it.plans.iter().map(String::as_str).collect())).collect();
        let expected: Vec<(Instant, Vec<&str>)> = expected
            .iter()
            .map(|(start, plans)| (Instant::from_timestamp(*start, 0).unwrap(), plans.to_vec()))
            .collect();
        assert_eq!(phases, expected);
    }

    #[test]
    fn the_prices_name_the_plan_then_the_metadata() {
        let (pro, other) = (price(Some("pro")), price(None));
        let named = [phase(0, &[other.clone(), pro.clone()]), phase(100, &[price(Some("enterprise")), pro.clone()])];
        check(&schedule("release", &named), &[(0, &["pro"]), (100, &["enterprise", "pro"])]);
        check(&schedule("cancel", &named), &[(0, &["pro"]), (100, &["enterprise", "pro"]), (200, &[])]);
        let mut by_hand = phase(100, &[other]);
        check(&schedule("release", &[by_hand.clone()]), &[(100, &["pro"])]);
        by_hand["metadata"] = json!({ PLAN: "enterprise" });
        check(&schedule("release", &[by_hand.clone()]), &[(100, &["enterprise"])]);
        by_hand["metadata"] = json!({});
        let mut foreign = schedule("release", &[by_hand]);
        foreign["subscription"]["metadata"] = json!({});
        check(&foreign, &[(100, &[])]);
        let unexpanded = phase(100, &[json!({ "price": "price_1" })]);
        check(&schedule("release", &[phase(0, &[pro]), unexpanded]), &[(0, &["pro"])]);
    }

    #[test]
    fn a_schedule_that_ended_is_none_and_an_unknown_shape_is_an_error() {
        for status in ["completed", "released", "canceled"] {
            assert_eq!(read(&json!({ "id": "sub_sched_1", "status": status })), Ok(None));
        }
        let wrong = [
            json!({ "id": "sub_sched_1", "status": "frozen", "phases": [] }),
            json!({ "status": "active", "phases": [] }),
            json!({ "id": "sub_sched_1", "status": "active" }),
            schedule("release", &[json!({ "items": [] })]),
            schedule("release", &[json!({ "start_date": 0 })]),
        ];
        for object in wrong {
            assert!(read(&object).is_err(), "{object}");
        }
    }
}
