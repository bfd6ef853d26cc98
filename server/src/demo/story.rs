//! What happened in the demo's organizations: the same every time.

use brightmeter::ledger::grant::Source;

/// One organization's story.
pub(super) struct Story {
    pub(super) slug: &'static str,
    pub(super) name: &'static str,
    pub(super) time_zone: &'static str,
    pub(super) plan: &'static str,
    /// Days and hours after the start that its months are counted from.
    pub(super) anchor_days: i64,
    pub(super) anchor_hour: i64,
    pub(super) people: &'static [Person],
    /// How many things happen on a working day.
    pace: i64,
    spends: &'static [&'static str],
    /// Day, hour and what, beside the everyday.
    special: &'static [(i64, i64, Event)],
}

/// A person of the story.
pub(super) struct Person {
    pub(super) email: &'static str,
    pub(super) name: &'static str,
    pub(super) role: &'static str,
}

/// Something that happens.
#[derive(Clone, Copy)]
pub(super) enum Event {
    /// A feature is used.
    Spend(&'static str),
    /// Quests are made for a goal.
    Quests(&'static str),
    /// Quests are asked for, and the AI fails.
    FailedQuests(&'static str),
    /// Tokens are granted: where from, how many by type, why.
    Grant(Source, &'static [(&'static str, i64)], &'static str),
}

impl Story {
    /// Everything that happens in `days`: minutes since the start, who, what; in order.
    pub(super) fn events(&self, days: i64) -> Vec<(i64, usize, Event)> {
        let mut events: Vec<(i64, usize, Event)> =
            self.special.iter().map(|(day, hour, event)| (day * 1_440 + hour * 60, 0, *event)).collect();
        let mut dice =
            Dice(self.slug.bytes().fold(7, |seed: u64, byte| seed.wrapping_mul(31).wrapping_add(u64::from(byte))));
        for day in 0..days {
            // Weekends are quiet.
            let pace = if day % 7 >= 5 { self.pace / 4 } else { self.pace };
            for _ in 0..pace {
                let minute = day * 1_440 + 480 + dice.below(600);
                let what = self.spends[dice.below(self.spends.len() as i64) as usize];
                events.push((minute, dice.below(self.people.len() as i64) as usize, Event::Spend(what)));
            }
        }
        events.sort_by_key(|(minute, _, _)| *minute);
        events
    }
}

/// A small linear congruential generator: the story needs variety, not chance.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: i64) -> i64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as i64) % bound.max(1)
    }
}

const BOOSTER: Event = Event::Grant(Source::Pack, &[("ai", 500), ("deep", 50)], "Booster pack");

/// The demo's organizations.
pub(super) fn all() -> [Story; 3] {
    [
        Story {
            slug: "bright-audio",
            name: "Bright Audio",
            time_zone: "Europe/Berlin",
            plan: "pro",
            anchor_days: 9,
            anchor_hour: 8,
            people: &[
                Person { email: "member@bright-audio.test", name: "Mia Weber", role: "member" },
                Person { email: "admin@bright-audio.test", name: "Jonas Keller", role: "admin" },
                Person { email: "owner@bright-audio.test", name: "Amira Haddad", role: "owner" },
            ],
            pace: 1,
            spends: &["lead_generation", "lead_generation", "revenue_forecast", "strategy_analysis"],
            special: &[
                (1, 10, Event::Quests("Sell out the spring showcase by 20 March")),
                (6, 9, BOOSTER),
                (12, 11, Event::FailedQuests("Win back customers who left last year")),
                (12, 12, Event::Quests("Win back customers who left last year")),
                (18, 15, Event::Grant(Source::Promo, &[("ai", 40)], "Welcome gift")),
                (24, 14, Event::Quests("Grow podcast listeners by 20% in three months")),
            ],
        },
        Story {
            slug: "nightshift-labs",
            name: "Nightshift Labs",
            time_zone: "America/New_York",
            plan: "starter",
            anchor_days: 0,
            anchor_hour: 0,
            people: &[
                Person { email: "owner@nightshift-labs.test", name: "Theo Park", role: "owner" },
                Person { email: "admin@bright-audio.test", name: "Jonas Keller", role: "member" },
            ],
            pace: 0,
            spends: &["lead_generation"],
            special: &[(
                3,
                16,
                Event::Grant(Source::Promo, &[("ai", 25)], "Trial tokens, ready for your first paid plan"),
            )],
        },
        Story {
            slug: "stagecraft",
            name: "Stagecraft Productions",
            time_zone: "Europe/London",
            plan: "enterprise",
            anchor_days: 14,
            anchor_hour: 6,
            people: &[Person { email: "owner@stagecraft.test", name: "Priya Raman", role: "owner" }],
            pace: 9,
            spends: &["lead_generation", "revenue_forecast", "revenue_forecast", "strategy_analysis"],
            special: &[
                (2, 9, Event::Quests("Launch the touring package in four cities")),
                (10, 10, BOOSTER),
                (20, 17, Event::Quests("Cut equipment rental costs by 15%")),
                (26, 9, Event::FailedQuests("Plan the autumn lighting workshop")),
            ],
        },
    ]
}
