//! Quests: what a customer asks an AI for, and what is accepted as an answer.
//!
//! A model's answer is foreign text. It becomes a [`QuestDraft`] only by parsing, so everything behind this module can
//! rely on the limits below, whichever provider answered.

use std::{collections::HashSet, fmt, ops::RangeInclusive, str::FromStr};

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// How long a goal may be, in characters.
pub const GOAL_CHARS: RangeInclusive<usize> = 3..=500;
/// How long a quest's title may be, in characters.
pub const TITLE_CHARS: usize = 120;
/// How long the reason for a quest may be, in characters.
pub const WHY_CHARS: usize = 500;
/// How long one step may be, in characters.
pub const STEP_CHARS: usize = 300;
/// How many steps a quest has.
pub const STEPS: RangeInclusive<usize> = 1..=10;
/// How many points a quest is worth.
pub const REWARD: RangeInclusive<u32> = 1..=1000;
/// In how many days a quest may be due.
pub const DUE_IN_DAYS: RangeInclusive<u16> = 1..=365;
/// How many quests one answer holds.
pub const QUESTS: RangeInclusive<usize> = 1..=10;

/// What somebody wants to reach, in their own words.
///
/// Trimmed, [`GOAL_CHARS`] long; of control characters it holds newlines only.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Goal(String);

impl Goal {
    /// Reads a goal as it comes from a form: any kind of line end becomes a newline, a tab becomes a space.
    ///
    /// # Errors
    /// Says what to change when the text is too short, too long or holds a character that cannot be shown.
    pub fn parse(raw: &str) -> Result<Self, GoalError> {
        let text = raw.replace("\r\n", "\n").replace('\r', "\n").replace('\t', " ");
        let text = text.trim();
        if text.chars().any(|c| c.is_control() && c != '\n') {
            return Err(GoalError::Unprintable);
        }
        match text.chars().count() {
            n if n < *GOAL_CHARS.start() => Err(GoalError::TooShort),
            n if n > *GOAL_CHARS.end() => Err(GoalError::TooLong { by: n - GOAL_CHARS.end() }),
            _ => Ok(Self(text.to_owned())),
        }
    }

    /// The goal's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Goal {
    type Error = GoalError;

    fn try_from(raw: String) -> Result<Self, GoalError> {
        Self::parse(&raw)
    }
}

impl From<Goal> for String {
    fn from(goal: Goal) -> Self {
        goal.0
    }
}

/// Why a text is not a goal; made to be shown beside the field.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum GoalError {
    /// Less than three characters, blanks around them not counted.
    #[error("Write at least {} characters.", GOAL_CHARS.start())]
    TooShort,
    /// More than fits.
    #[error("Write at most {} characters; this is {by} too many.", GOAL_CHARS.end())]
    TooLong {
        /// How many characters have to go.
        by: usize,
    },
    /// A control character, mostly from pasting.
    #[error("Remove the invisible control character, or type the goal by hand.")]
    Unprintable,
}

/// How hard a quest is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Difficulty {
    /// Done in an hour or two.
    Easy,
    /// Takes some days beside the daily work.
    Medium,
    /// Needs a push.
    Hard,
}

impl Difficulty {
    /// Every difficulty, easiest first.
    pub const ALL: [Self; 3] = [Self::Easy, Self::Medium, Self::Hard];

    /// The word used in JSON and in storage.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Easy => "easy",
            Self::Medium => "medium",
            Self::Hard => "hard",
        }
    }

    /// The word shown to people.
    pub fn label(self) -> &'static str {
        match self {
            Self::Easy => "Easy",
            Self::Medium => "Medium",
            Self::Hard => "Hard",
        }
    }
}

impl FromStr for Difficulty {
    type Err = UnknownDifficulty;

    fn from_str(word: &str) -> Result<Self, UnknownDifficulty> {
        Self::ALL.into_iter().find(|d| d.as_str() == word).ok_or(UnknownDifficulty)
    }
}

/// The word is none of the difficulties.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the difficulty is not easy, medium or hard")]
pub struct UnknownDifficulty;

/// A quest as a model writes it: the right shape, and nothing known about what is inside.
///
/// Fields that are not known are ignored.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct RawQuest {
    /// See [`QuestDraft::title`].
    pub title: String,
    /// See [`QuestDraft::why`].
    pub why: String,
    /// See [`QuestDraft::steps`].
    pub steps: Vec<String>,
    /// See [`QuestDraft::reward`].
    pub reward: i64,
    /// See [`QuestDraft::difficulty`].
    pub difficulty: String,
    /// See [`QuestDraft::due_in_days`].
    pub due_in_days: i64,
}

/// A quest that may be shown and kept. Read its fields freely; it is made by parsing only.
///
/// All texts are single lines without control characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawQuest")]
#[non_exhaustive]
pub struct QuestDraft {
    /// What to do, 1 to [`TITLE_CHARS`] characters.
    pub title: String,
    /// Why it helps, 1 to [`WHY_CHARS`] characters.
    pub why: String,
    /// How to do it, [`STEPS`] texts of 1 to [`STEP_CHARS`] characters.
    pub steps: Vec<String>,
    /// What it is worth, in points ([`REWARD`]).
    pub reward: u32,
    /// How hard it is.
    pub difficulty: Difficulty,
    /// When it is due, in days from its start ([`DUE_IN_DAYS`]).
    pub due_in_days: u16,
}

impl QuestDraft {
    /// Checks one quest; runs of blanks and newlines inside its texts become one space.
    ///
    /// # Errors
    /// Names the first field that breaks its limit.
    pub fn parse(raw: RawQuest) -> Result<Self, QuestDraftError> {
        let title = line("title", &raw.title, TITLE_CHARS)?;
        let why = line("why", &raw.why, WHY_CHARS)?;
        if !STEPS.contains(&raw.steps.len()) {
            return Err(QuestDraftError::Steps { count: raw.steps.len() });
        }
        let steps = raw.steps.iter().map(|step| line("step", step, STEP_CHARS)).collect::<Result<_, _>>()?;
        Ok(Self {
            title,
            why,
            steps,
            reward: within(raw.reward, &REWARD).ok_or(QuestDraftError::Reward(raw.reward))?,
            difficulty: Difficulty::from_str(&raw.difficulty)?,
            due_in_days: within(raw.due_in_days, &DUE_IN_DAYS).ok_or(QuestDraftError::DueInDays(raw.due_in_days))?,
        })
    }

    /// Checks a whole answer: [`QUESTS`] quests, no title twice (letter case does not make a difference).
    ///
    /// # Errors
    /// One quest that does not fit fails the answer: a customer gets what was paid for or keeps the tokens.
    pub fn parse_batch(raw: Vec<RawQuest>) -> Result<Vec<Self>, QuestDraftError> {
        if !QUESTS.contains(&raw.len()) {
            return Err(QuestDraftError::Quests { count: raw.len() });
        }
        let quests = raw.into_iter().map(Self::parse).collect::<Result<Vec<_>, _>>()?;
        let mut titles = HashSet::new();
        match quests.iter().find(|quest| !titles.insert(quest.title.to_lowercase())) {
            Some(twice) => Err(QuestDraftError::DuplicateTitle(twice.title.clone())),
            None => Ok(quests),
        }
    }
}

impl TryFrom<RawQuest> for QuestDraft {
    type Error = QuestDraftError;

    fn try_from(raw: RawQuest) -> Result<Self, QuestDraftError> {
        Self::parse(raw)
    }
}

/// Why a model's answer is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum QuestDraftError {
    /// A text with nothing in it.
    #[error("a quest's {field} is empty")]
    Empty {
        /// Which text.
        field: &'static str,
    },
    /// A text over its limit.
    #[error("a quest's {field} is longer than {limit} characters")]
    TooLong {
        /// Which text.
        field: &'static str,
        /// How many characters fit.
        limit: usize,
    },
    /// A control character that is no blank.
    #[error("a quest's {field} holds a control character")]
    Unprintable {
        /// Which text.
        field: &'static str,
    },
    /// No step, or too many.
    #[error("a quest has {count} steps, outside {range:?}", range = STEPS)]
    Steps {
        /// How many there are.
        count: usize,
    },
    /// A reward outside [`REWARD`].
    #[error("a quest's reward is {0}, outside {range:?}", range = REWARD)]
    Reward(i64),
    /// A difficulty nobody knows.
    #[error(transparent)]
    Difficulty(#[from] UnknownDifficulty),
    /// A due date outside [`DUE_IN_DAYS`].
    #[error("a quest is due in {0} days, outside {range:?}", range = DUE_IN_DAYS)]
    DueInDays(i64),
    /// No quest, or too many.
    #[error("the answer holds {count} quests, outside {range:?}", range = QUESTS)]
    Quests {
        /// How many there are.
        count: usize,
    },
    /// The same quest twice.
    #[error("two quests are called {0:?}")]
    DuplicateTitle(String),
}

fn line(field: &'static str, raw: &str, limit: usize) -> Result<String, QuestDraftError> {
    let text = raw.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.is_empty() {
        Err(QuestDraftError::Empty { field })
    } else if text.chars().any(char::is_control) {
        Err(QuestDraftError::Unprintable { field })
    } else if text.chars().count() > limit {
        Err(QuestDraftError::TooLong { field, limit })
    } else {
        Ok(text)
    }
}

fn within<T: TryFrom<i64> + PartialOrd>(number: i64, range: &RangeInclusive<T>) -> Option<T> {
    T::try_from(number).ok().filter(|number| range.contains(number))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn raw() -> RawQuest {
        RawQuest {
            title: "Call ten customers".into(),
            why: "They know.".into(),
            steps: vec!["Pick them.".into()],
            reward: 100,
            difficulty: "easy".into(),
            due_in_days: 7,
        }
    }

    /// Changes one thing in a good quest and says what parsing it must answer.
    #[track_caller]
    fn check(given: impl FnOnce(&mut RawQuest), then: Result<(), QuestDraftError>) {
        let mut quest = raw();
        given(&mut quest);
        assert_eq!(QuestDraft::parse(quest).map(drop), then);
    }

    #[track_caller]
    fn check_goal(given: &str, then: Result<&str, &str>) {
        let goal = Goal::parse(given);
        assert_eq!(goal.as_ref().map(Goal::as_str).map_err(ToString::to_string), then.map_err(ToOwned::to_owned));
    }

    #[test]
    fn a_goal_is_trimmed_and_has_three_to_five_hundred_characters() {
        check_goal("  Sell more  ", Ok("Sell more"));
        check_goal("één", Ok("één"));
        check_goal(&"é".repeat(500), Ok(&"é".repeat(500)));
        check_goal(" ab ", Err("Write at least 3 characters."));
        check_goal("", Err("Write at least 3 characters."));
        check_goal(&"é".repeat(502), Err("Write at most 500 characters; this is 2 too many."));
    }

    #[test]
    fn a_goal_keeps_newlines_and_refuses_other_control_characters() {
        check_goal("one\r\ntwo\rthree\tfour", Ok("one\ntwo\nthree four"));
        let refused = "Remove the invisible control character, or type the goal by hand.";
        check_goal("one\0two", Err(refused));
        check_goal("one\u{1b}[31mtwo", Err(refused));
    }

    #[test]
    fn a_goal_travels_as_a_string_and_is_checked_on_arrival() {
        let goal = Goal::parse("Sell more").unwrap();
        assert_eq!(serde_json::to_string(&goal).unwrap(), r#""Sell more""#);
        assert_eq!(serde_json::from_str::<Goal>(r#"" Sell more ""#).unwrap(), goal);
        assert!(serde_json::from_str::<Goal>(r#""x""#).is_err());
    }

    #[test]
    fn every_limit_of_a_quest_holds_at_its_edge() {
        use QuestDraftError as E;
        check(|_| (), Ok(()));
        check(|q| q.title = "é".repeat(120), Ok(()));
        check(|q| q.title = "é".repeat(121), Err(E::TooLong { field: "title", limit: 120 }));
        check(|q| q.title = " \n ".into(), Err(E::Empty { field: "title" }));
        check(|q| q.title = "a\u{7}b".into(), Err(E::Unprintable { field: "title" }));
        check(|q| q.why = "y".repeat(500), Ok(()));
        check(|q| q.why = "y".repeat(501), Err(E::TooLong { field: "why", limit: 500 }));
        check(|q| q.why.clear(), Err(E::Empty { field: "why" }));
        check(|q| q.steps.clear(), Err(E::Steps { count: 0 }));
        check(|q| q.steps = vec!["s".repeat(300); 10], Ok(()));
        check(|q| q.steps = vec!["s".into(); 11], Err(E::Steps { count: 11 }));
        check(|q| q.steps.push("s".repeat(301)), Err(E::TooLong { field: "step", limit: 300 }));
        check(|q| q.steps.push(String::new()), Err(E::Empty { field: "step" }));
        check(|q| q.reward = 1, Ok(()));
        check(|q| q.reward = 1000, Ok(()));
        check(|q| q.reward = 0, Err(E::Reward(0)));
        check(|q| q.reward = 1001, Err(E::Reward(1001)));
        check(|q| q.reward = i64::MIN, Err(E::Reward(i64::MIN)));
        check(|q| q.due_in_days = 365, Ok(()));
        check(|q| q.due_in_days = 0, Err(E::DueInDays(0)));
        check(|q| q.due_in_days = 366, Err(E::DueInDays(366)));
        check(|q| q.due_in_days = 65_537, Err(E::DueInDays(65_537)));
        check(|q| q.difficulty = "Hard".into(), Err(E::Difficulty(UnknownDifficulty)));
    }

    #[test]
    fn texts_become_single_lines() {
        let quest = QuestDraft::parse(RawQuest { why: " one\n\n two\tthree ".into(), ..raw() }).unwrap();
        assert_eq!(quest.why, "one two three");
    }

    #[test]
    fn an_answer_holds_one_to_ten_different_quests() {
        let named = |n: usize| RawQuest { title: format!("Quest {n}"), ..raw() };
        assert_eq!(QuestDraft::parse_batch(vec![]), Err(QuestDraftError::Quests { count: 0 }));
        assert_eq!(QuestDraft::parse_batch((0..10).map(named).collect()).unwrap().len(), 10);
        assert_eq!(QuestDraft::parse_batch((0..11).map(named).collect()), Err(QuestDraftError::Quests { count: 11 }));
        let shouted = RawQuest { title: " QUEST  1".into(), ..raw() };
        assert_eq!(
            QuestDraft::parse_batch(vec![named(1), shouted]),
            Err(QuestDraftError::DuplicateTitle("QUEST 1".into()))
        );
        let broken = RawQuest { reward: 0, ..named(2) };
        assert_eq!(QuestDraft::parse_batch(vec![named(1), broken]), Err(QuestDraftError::Reward(0)));
    }

    #[test]
    fn a_quest_reads_back_from_its_own_json_and_is_checked_again() {
        let quest = QuestDraft::parse(raw()).unwrap();
        let mut json = serde_json::to_value(&quest).unwrap();
        json["confidence"] = 0.5.into();
        assert_eq!(serde_json::from_value::<QuestDraft>(json.clone()).unwrap(), quest);
        json["reward"] = 0.into();
        let error = serde_json::from_value::<QuestDraft>(json).unwrap_err();
        assert_eq!(error.to_string(), "a quest's reward is 0, outside 1..=1000");
    }

    #[test]
    fn difficulties_have_one_spelling() {
        for difficulty in Difficulty::ALL {
            assert_eq!(difficulty.as_str().parse(), Ok(difficulty));
            assert_eq!(serde_json::to_value(difficulty).unwrap(), difficulty.as_str());
            assert_eq!(difficulty.label().to_lowercase(), difficulty.as_str());
        }
    }
}
