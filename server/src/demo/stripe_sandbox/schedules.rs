//! Subscription schedules: a price change at the next renewal.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Sandbox,
    billing_records::{Item, Price, Span, Subscription},
    error::SandboxError,
    ids::new_id,
    state::State,
};

/// A schedule of two phases: the current period, and the next one with another price.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Schedule {
    pub(super) id: String,
    pub(super) created: i64,
    pub(super) customer: String,
    pub(super) subscription: String,
    pub(super) phases: [Phase; 2],
    /// The second phase has begun.
    pub(super) is_changed: bool,
    pub(super) end: Option<ScheduleEnd>,
}

/// The end of a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ScheduleEnd {
    /// It let go of its subscription.
    Released { at: i64 },
    /// Its subscription was canceled.
    Canceled { at: i64 },
}

/// A phase of a schedule.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Phase {
    pub(super) span: Span,
    pub(super) items: Vec<Item>,
}

impl Sandbox {
    /// Schedules a change of a subscription's plan to another price at the renewal. Returns the schedule's id.
    pub fn schedule_change(&self, subscription: &str, price: &str) -> Result<String, SandboxError> {
        self.change(|state, now| state.schedule_change(subscription, price, now))
    }
}

impl State {
    fn schedule_change(&mut self, id: &str, price: &str, now: i64) -> Result<String, SandboxError> {
        let price = self.price(price)?.clone();
        let it = self.not_ended(id)?;
        if it.schedule.is_some() {
            return Err(SandboxError::WrongState("This subscription already has a schedule."));
        }
        let next = Span::around(it.period.end, it.period.end, price.interval);
        let phases =
            [Phase { span: it.period, items: it.items.clone() }, Phase { span: next, items: with_plan(it, price) }];
        let schedule = Schedule {
            id: new_id("sub_sched_"),
            created: now,
            customer: it.customer.clone(),
            subscription: id.to_owned(),
            phases,
            is_changed: false,
            end: None,
        };
        let schedule_id = schedule.id.clone();
        it.schedule = Some(schedule_id.clone());
        self.schedules.insert(schedule_id.clone(), schedule);
        self.emit_schedule("subscription_schedule.created", &schedule_id, now);
        self.emit_subscription("customer.subscription.updated", id, now);
        Ok(schedule_id)
    }

    /// Begins the next phase of a subscription's schedule: its period has ended. After the last phase, the schedule
    /// lets go of the subscription.
    pub(super) fn advance_schedule(&mut self, it: &mut Subscription, now: i64) {
        let Some(id) = it.schedule.clone() else { return };
        let Some(schedule) = self.schedules.get_mut(&id) else { return };
        if schedule.is_changed {
            self.release_schedule(&id, now);
            it.schedule = None;
            return;
        }
        schedule.is_changed = true;
        let interval = it.interval();
        it.items.clone_from(&schedule.phases[1].items);
        if it.interval() != interval {
            it.anchor = now;
        }
        self.emit_schedule("subscription_schedule.updated", &id, now);
    }

    /// Lets go of a schedule's subscription.
    pub(super) fn release_schedule(&mut self, id: &str, now: i64) {
        self.end_schedule(id, ScheduleEnd::Released { at: now }, "subscription_schedule.released", now);
    }

    /// Ends the schedule of a subscription that is canceled.
    pub(super) fn cancel_schedule(&mut self, subscription: &str, now: i64) {
        let schedule = self.subscriptions.get(subscription).and_then(|it| it.schedule.clone());
        let Some(id) = schedule else { return };
        self.end_schedule(&id, ScheduleEnd::Canceled { at: now }, "subscription_schedule.canceled", now);
    }

    fn end_schedule(&mut self, id: &str, end: ScheduleEnd, kind: &str, now: i64) {
        let Some(schedule) = self.schedules.get_mut(id) else { return };
        schedule.end = Some(end);
        let subscription = schedule.subscription.clone();
        if let Some(it) = self.subscriptions.get_mut(&subscription) {
            it.schedule = None;
        }
        self.emit_schedule(kind, id, now);
    }

    fn emit_schedule(&mut self, kind: &str, id: &str, now: i64) {
        let Some(schedule) = self.schedules.get(id) else { return };
        let object = object(schedule);
        self.emit(kind, &object, now);
    }
}

/// Returns a subscription's items with another price for the plan.
fn with_plan(it: &Subscription, price: Price) -> Vec<Item> {
    let plan = it.plan_item().map(|item| item.id.clone());
    let mut items = it.items.clone();
    for item in items.iter_mut().filter(|item| Some(&item.id) == plan.as_ref()) {
        item.price = price.clone();
    }
    items
}

/// Returns a schedule's object.
pub(super) fn object(it: &Schedule) -> Value {
    let phase = |phase: &Phase| {
        let item = |item: &Item| {
            let quantity = (!item.price.metered).then_some(item.quantity);
            json!({ "metadata": {}, "price": item.price.id, "quantity": quantity })
        };
        json!({
            "currency": phase.items.first().map(|item| &item.price.currency),
            "end_date": phase.span.end,
            "items": phase.items.iter().map(item).collect::<Vec<_>>(),
            "metadata": {},
            "proration_behavior": "none",
            "start_date": phase.span.start,
        })
    };
    let current = it.phases[usize::from(it.is_changed)].span;
    let is_active = it.end.is_none();
    let (status, released_at, canceled_at) = match it.end {
        None => ("active", None, None),
        Some(ScheduleEnd::Released { at }) => ("released", Some(at), None),
        Some(ScheduleEnd::Canceled { at }) => ("canceled", None, Some(at)),
    };
    json!({
        "id": it.id,
        "object": "subscription_schedule",
        "canceled_at": canceled_at,
        "created": it.created,
        "current_phase": is_active.then(|| json!({ "end_date": current.end, "start_date": current.start })),
        "customer": it.customer,
        "end_behavior": "release",
        "livemode": false,
        "metadata": {},
        "phases": it.phases.each_ref().map(phase),
        "released_at": released_at,
        "released_subscription": released_at.map(|_| &it.subscription),
        "status": status,
        "subscription": released_at.is_none().then_some(&it.subscription),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::stripe_sandbox::{
        plans::DAY_SECONDS,
        subscription_objects,
        testing::{MAY, check, on_pro, price, subscription},
    };

    #[test]
    fn a_scheduled_price_applies_before_the_renewal_is_invoiced() {
        let mut state = on_pro(None);
        let (id, max) = (subscription(&state).id, price(&mut state, "Max", 29_900).id);
        let schedule = state.schedule_change(&id, &max, MAY).unwrap();
        assert!(state.schedule_change(&id, &max, MAY).is_err());
        assert_eq!(subscription_objects::subscription(&subscription(&state))["schedule"], schedule.as_str());
        let shown = object(&state.schedules[&schedule]);
        let phases = &shown["phases"];
        assert_eq!(
            (&phases[0]["end_date"], &phases[1]["start_date"]),
            (&(MAY + 31 * DAY_SECONDS).into(), &(MAY + 31 * DAY_SECONDS).into())
        );
        assert_eq!(phases[1]["items"][0]["price"], max.as_str());
        state.advance(MAY + 31 * DAY_SECONDS);
        check(
            &mut state,
            &[
                (0, "subscription_schedule.created"),
                (0, "customer.subscription.updated"),
                (31, "subscription_schedule.updated"),
                (31, "charge.succeeded"),
                (31, "invoice.paid"),
                (31, "invoice.payment_succeeded"),
                (31, "customer.subscription.updated"),
            ],
        );
        let it = subscription(&state);
        assert_eq!((it.items[0].price.id.as_str(), state.invoices_of("cus_1")[1].amount_cents), (max.as_str(), 29_900));
        state.advance(MAY + 61 * DAY_SECONDS);
        assert_eq!(state.events[0].kind, "subscription_schedule.released");
        let it = subscription(&state);
        assert_eq!((it.schedule, it.items[0].price.unit_cents), (None, 29_900));
        assert_eq!(object(&state.schedules[&schedule])["status"], "released");
    }
}
