//! The built-in provider's themes: keywords and quest templates.

mod company;
mod craft;
mod general;
mod market;

use brightmeter::features::quest::Difficulty;

pub(super) use general::{DATES, HABITS, NUMBERS};

/// A field of work, with its keywords and quest templates.
pub(super) struct Theme {
    /// Lowercase words, separated by spaces. A trailing `*` makes a word a prefix.
    keywords: &'static str,
    /// The subject for goals that name none.
    pub(super) subject: &'static str,
    /// The first quest: assess the current state.
    pub(super) assessment: Template,
    /// The actions, from light to heavy.
    pub(super) moves: [Template; 3],
}

/// A quest with placeholders: `{subject}`, `{aim}`, `{time}`.
pub(super) struct Template {
    pub(super) difficulty: Difficulty,
    /// The duration, in days.
    pub(super) days: u16,
    pub(super) title: &'static str,
    pub(super) why: &'static str,
    pub(super) steps: &'static [&'static str],
}

impl Template {
    /// The points: a base for the difficulty, plus five per day.
    pub(super) fn reward(&self) -> u16 {
        let base = match self.difficulty {
            Difficulty::Easy => 40,
            Difficulty::Medium => 80,
            Difficulty::Hard => 160,
        };
        base + 5 * self.days
    }
}

/// More specific themes come first: the first one wins a tie.
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

/// Returns the theme with the most matching words, or the general one if no word matches.
pub(super) fn of(words: &[String]) -> &'static Theme {
    THEMES
        .into_iter()
        .rev()
        .map(|theme| (words.iter().filter(|word| theme.matches(word)).count(), theme))
        .max_by_key(|(hits, _)| *hits)
        .filter(|(hits, _)| *hits > 0)
        .map_or(&general::GENERAL, |(_, theme)| theme)
}

impl Theme {
    fn matches(&self, word: &str) -> bool {
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
    fn a_goal_is_matched_to_its_theme() {
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
