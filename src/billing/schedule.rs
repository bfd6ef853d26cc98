//! Subscription schedules: the changes that Stripe makes to a subscription at set times.

use serde::{Deserialize, Serialize};

use crate::{
    catalog::{Catalog, Plan},
    time::Instant,
};

/// The schedule of a subscription.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// The Stripe id: `sub_sched_…`.
    pub id: String,
    /// The phases, past ones included, in order.
    pub phases: Vec<SchedulePhase>,
}

/// A phase of a schedule: the plan from an instant on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchedulePhase {
    /// When it starts.
    pub start: Instant,
    /// The names of its plans at Stripe: usually one, none if the phase has no plan of ours.
    pub plans: Vec<String>,
}

impl Schedule {
    /// Returns the first change after `now` to a plan other than `current`, and its instant.
    pub fn next_change<'a>(&self, current: &Plan, catalog: &'a Catalog, now: Instant) -> Option<(Instant, &'a Plan)> {
        let later = self.phases.iter().filter(|phase| phase.start > now);
        let changes = later.filter_map(|phase| Some((phase.start, phase.plan(catalog)?)));
        changes.filter(|(_, plan)| plan.name != current.name).min_by_key(|(start, _)| *start)
    }
}

impl SchedulePhase {
    /// Returns its largest plan, the free plan if it has none, or `None` if the catalog has none of them.
    fn plan<'a>(&self, catalog: &'a Catalog) -> Option<&'a Plan> {
        if self.plans.is_empty() {
            return catalog.free_plan();
        }
        let plans = self.plans.iter().filter_map(|name| catalog.plan_named(name));
        plans.max_by_key(|plan| catalog.plan_rank(&plan.name))
    }
}
