//! What the built-in coach knows.

mod company;
mod craft;
mod general;
mod market;

use brightmeter::features::quest::Difficulty;

pub(super) use general::{DATES, HABITS, NUMBERS};

/// One field of work: how to recognise it, and what helps there.
pub(super) struct Theme {
    /// Lower-case words between blanks; one that ends in `*` stands for all that begin with it.
    keywords: &'static str,
    /// What a goal of this theme is about when it does not say.
    pub(super) subject: &'static str,
    /// The first quest: see how things stand.
    pub(super) look: Template,
    /// Things to do, from light to heavy.
    pub(super) moves: [Template; 3],
}

/// A quest with blanks: `{subject}`, `{aim}`, `{time}`.
pub(super) struct Template {
    pub(super) difficulty: Difficulty,
    /// How long it takes, in days.
    pub(super) days: u16,
    pub(super) title: &'static str,
    pub(super) why: &'static str,
    pub(super) steps: &'static [&'static str],
}

impl Template {
    /// Points: for the difficulty, and five a day.
    pub(super) fn reward(&self) -> u16 {
        let base = match self.difficulty {
            Difficulty::Easy => 40,
            Difficulty::Medium => 80,
            Difficulty::Hard => 160,
        };
        base + 5 * self.days
    }
}

/// The more special theme first: it wins when two fit equally.
const THEMES: [&Theme; 12] = [
    &craft::LEARNING,
    &craft::EVENTS,
    &company::INVENTORY,
    &craft::CONTENT,
    &company::HIRING,
    &market::SALES,
    &craft::MUSIC,
    &market::CUSTOMERS,
    &market::LAUNCH,
    &market::MARKETING,
    &company::COSTS,
    &company::OPERATIONS,
];

/// The theme that most words point to; without any, the general one.
pub(super) fn of(words: &[String]) -> &'static Theme {
    THEMES
        .into_iter()
        .rev()
        .map(|theme| (words.iter().filter(|word| theme.knows(word)).count(), theme))
        .max_by_key(|(hits, _)| *hits)
        .filter(|(hits, _)| *hits > 0)
        .map_or(&general::GENERAL, |(_, theme)| theme)
}

impl Theme {
    fn knows(&self, word: &str) -> bool {
        let word = word.trim_start_matches('#');
        self.keywords.split_whitespace().any(|keyword| match keyword.strip_suffix('*') {
            Some(stem) => word.starts_with(stem),
            None => word == keyword,
        })
    }
}

const fn quest(
    difficulty: Difficulty,
    days: u16,
    title: &'static str,
    why: &'static str,
    steps: &'static [&'static str],
) -> Template {
    Template { difficulty, days, title, why, steps }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(given: &str, then: &Theme) {
        let words: Vec<String> = given.to_lowercase().split(' ').map(ToOwned::to_owned).collect();
        assert_eq!(of(&words).subject, then.subject, "{given}");
    }

    #[test]
    fn a_goal_finds_its_theme() {
        check("increase merch revenue by 20%", &market::SALES);
        check("get more customers", &market::SALES);
        check("sell 300 tickets for the autumn show", &craft::EVENTS);
        check("earn money with beats", &market::SALES);
        check("release our album", &craft::MUSIC);
        check("sell more vinyl", &market::SALES);
        check("finish mixing our album", &craft::MUSIC);
        check("launch a podcast", &craft::CONTENT);
        check("make our customers happier", &market::CUSTOMERS);
        check("cut team meetings", &company::OPERATIONS);
        check("reduce customer churn", &market::CUSTOMERS);
        check("answer support requests faster", &market::CUSTOMERS);
        check("grow our audience on instagram", &market::MARKETING);
        check("launch the beta of our app", &market::LAUNCH);
        check("save 10% of our budget", &company::COSTS);
        check("hire two engineers", &company::HIRING);
        check("clear old stock from the warehouse", &company::INVENTORY);
        check("learn spanish for our tour", &craft::LEARNING);
        check("automate our weekly reports", &company::OPERATIONS);
        check("lose five kilos", &general::GENERAL);
    }
}
