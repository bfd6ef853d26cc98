//! The scenarios of the demo's organizations. They are deterministic.

use brightmeter::{access::role::Role, ledger::grant::Source};

/// One organization with its users and events.
pub(super) struct Scenario {
    pub(super) slug: &'static str,
    pub(super) name: &'static str,
    pub(super) time_zone: &'static str,
    pub(super) plan: &'static str,
    /// The anchor of its billing periods, in days and hours after the start.
    pub(super) anchor_days: i64,
    pub(super) anchor_hour: i64,
    pub(super) people: &'static [Person],
    /// Spends per working day.
    daily_spends: i64,
    features: &'static [&'static str],
    /// Day, hour and event, in addition to the daily spends.
    special: &'static [(i64, i64, Event)],
}

/// A user of the organization.
pub(super) struct Person {
    pub(super) email: &'static str,
    pub(super) name: &'static str,
    pub(super) role: Role,
}

/// An event of a scenario.
#[derive(Clone, Copy)]
pub(super) enum Event {
    /// A spend on a feature.
    Spend(&'static str),
    /// Quests generated for a goal.
    Quests(&'static str),
    /// Quest generation for a goal; the AI fails.
    FailedQuests(&'static str),
    /// A grant: source, amount per token type, note.
    Grant(Source, &'static [(&'static str, i64)], &'static str),
}

impl Scenario {
    /// Returns the events of `days` in order: minutes since the start, index of the user, event.
    pub(super) fn events(&self, days: i64) -> Vec<(i64, usize, Event)> {
        let mut events: Vec<(i64, usize, Event)> =
            self.special.iter().map(|(day, hour, event)| (day * 1_440 + hour * 60, 0, *event)).collect();
        let mut rng =
            Rng(self.slug.bytes().fold(7, |seed: u64, byte| seed.wrapping_mul(31).wrapping_add(u64::from(byte))));
        for day in 0..days {
            // Weekends are quiet.
            let spends = if day % 7 >= 5 { self.daily_spends / 4 } else { self.daily_spends };
            for _ in 0..spends {
                let minute = day * 1_440 + 480 + rng.below(600);
                let feature = self.features[rng.below(self.features.len() as i64) as usize];
                events.push((minute, rng.below(self.people.len() as i64) as usize, Event::Spend(feature)));
            }
        }
        events.sort_by_key(|(minute, _, _)| *minute);
        events
    }
}

/// A linear congruential generator, so that scenarios vary but are reproducible.
struct Rng(u64);

impl Rng {
    fn below(&mut self, bound: i64) -> i64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as i64) % bound.max(1)
    }
}

const BOOSTER: Event = Event::Grant(Source::Pack, &[("ai", 500), ("deep", 50)], "Booster pack");

/// Returns the scenarios of the demo's organizations.
pub(super) fn all() -> [Scenario; 3] {
    [
        Scenario {
            slug: "bright-audio",
            name: "Bright Audio",
            time_zone: "Europe/Berlin",
            plan: "pro",
            anchor_days: 9,
            anchor_hour: 8,
            people: &[
                Person { email: "member@bright-audio.test", name: "Mia Weber", role: Role::Member },
                Person { email: "admin@bright-audio.test", name: "Jonas Keller", role: Role::Admin },
                Person { email: "owner@bright-audio.test", name: "Amira Haddad", role: Role::Owner },
            ],
            daily_spends: 1,
            features: &["lead_generation", "lead_generation", "revenue_forecast", "strategy_analysis"],
            special: &[
                (1, 10, Event::Quests("Sell out the spring showcase by 20 March")),
                (6, 9, BOOSTER),
                (12, 11, Event::FailedQuests("Win back customers who left last year")),
                (12, 12, Event::Quests("Win back customers who left last year")),
                (18, 15, Event::Grant(Source::Promo, &[("ai", 40)], "Welcome gift")),
                (24, 14, Event::Quests("Grow podcast listeners by 20% in three months")),
            ],
        },
        Scenario {
            slug: "nightshift-labs",
            name: "Nightshift Labs",
            time_zone: "America/New_York",
            plan: "starter",
            anchor_days: 0,
            anchor_hour: 0,
            people: &[
                Person { email: "owner@nightshift-labs.test", name: "Theo Park", role: Role::Owner },
                Person { email: "admin@bright-audio.test", name: "Jonas Keller", role: Role::Member },
            ],
            daily_spends: 0,
            features: &["lead_generation"],
            special: &[(
                3,
                16,
                Event::Grant(Source::Promo, &[("ai", 25)], "Trial tokens, ready for your first paid plan"),
            )],
        },
        Scenario {
            slug: "stagecraft",
            name: "Stagecraft Productions",
            time_zone: "Europe/London",
            plan: "enterprise",
            anchor_days: 14,
            anchor_hour: 6,
            people: &[Person { email: "owner@stagecraft.test", name: "Priya Raman", role: Role::Owner }],
            daily_spends: 9,
            features: &["lead_generation", "revenue_forecast", "revenue_forecast", "strategy_analysis"],
            special: &[
                (2, 9, Event::Quests("Launch the touring package in four cities")),
                (10, 10, BOOSTER),
                (20, 17, Event::Quests("Cut equipment rental costs by 15%")),
                (26, 9, Event::FailedQuests("Plan the autumn lighting workshop")),
            ],
        },
    ]
}
