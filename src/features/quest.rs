//! Quest generation: the customer's goal, and the validated quests of a model's answer.
//!
//! A model's answer is untrusted text. It becomes a [`QuestDraft`] only by parsing, so all other code can rely on the
//! limits below, whichever provider answered.

use std::{collections::HashSet, fmt, ops::RangeInclusive, str::FromStr};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::ledger::attachment::{Attachment, AttachmentError};

/// The kind of a job's [`Goal`] as an attachment of its hold.
pub const GOAL_ATTACHMENT: &str = "quests.goal";
/// The kind of a job's list of [`QuestDraft`]s as an attachment of its capture.
pub const QUESTS_ATTACHMENT: &str = "quests.result";

/// The length of a goal, in characters.
pub const GOAL_CHARS: RangeInclusive<usize> = 3..=500;
/// The maximum length of a quest's title, in characters.
pub const TITLE_CHARS: usize = 120;
/// The maximum length of a quest's reason, in characters.
pub const WHY_CHARS: usize = 500;
/// The maximum length of one step, in characters.
pub const STEP_CHARS: usize = 300;
/// The number of steps of a quest.
pub const STEPS: RangeInclusive<usize> = 1..=10;
/// The reward of a quest, in points.
pub const REWARD: RangeInclusive<u32> = 1..=1000;
/// The days until a quest is due.
pub const DUE_IN_DAYS: RangeInclusive<u16> = 1..=365;
/// The number of quests in one answer.
pub const QUESTS: RangeInclusive<usize> = 1..=10;

/// A customer's goal, in their own words.
///
/// Trimmed, [`GOAL_CHARS`] characters long, without control characters except newlines.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Goal(String);

impl Goal {
    /// Parses a goal from a form field. Every kind of line ending becomes a newline, a tab becomes a space.
    ///
    /// # Errors
    /// [`GoalError`] if the text is too short, too long or has a control character. Its message says what to change.
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

    /// Returns the goal as an attachment of its job's hold.
    pub fn attachment(&self) -> Attachment {
        Attachment::text(GOAL_ATTACHMENT, &self.0)
    }

    /// Returns the goal's text.
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

/// The reason why a text is not a goal. The message is shown next to the form field.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum GoalError {
    /// The trimmed text has fewer than 3 characters.
    #[error("Write at least {} characters.", GOAL_CHARS.start())]
    TooShort,
    /// The trimmed text has more than 500 characters.
    #[error("Write at most {} characters; this is {by} too many.", GOAL_CHARS.end())]
    TooLong {
        /// The number of characters above the limit.
        by: usize,
    },
    /// The text has a control character, usually from pasting.
    #[error("Remove the invisible control character, or type the goal by hand.")]
    Unprintable,
}

/// The difficulty of a quest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Difficulty {
    /// An hour or two.
    Easy,
    /// A few days alongside daily work.
    Medium,
    /// A focused effort.
    Hard,
}

impl Difficulty {
    /// Every difficulty, easiest first.
    pub const ALL: [Self; 3] = [Self::Easy, Self::Medium, Self::Hard];

    /// The name in JSON and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Easy => "easy",
            Self::Medium => "medium",
            Self::Hard => "hard",
        }
    }

    /// The label in the UI.
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

/// The error for an unknown difficulty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the difficulty must be easy, medium or hard")]
pub struct UnknownDifficulty;

/// A quest as a model returned it: the right shape, but not validated. Unknown fields are ignored.
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

/// A validated quest, safe to show and store. It can only be created by parsing.
///
/// All texts are single lines without control characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawQuest")]
#[non_exhaustive]
pub struct QuestDraft {
    /// The task: 1 to [`TITLE_CHARS`] characters.
    pub title: String,
    /// The reason why it helps: 1 to [`WHY_CHARS`] characters.
    pub why: String,
    /// The steps: [`STEPS`] texts of 1 to [`STEP_CHARS`] characters.
    pub steps: Vec<String>,
    /// The reward, in points: [`REWARD`].
    pub reward: u32,
    /// The difficulty.
    pub difficulty: Difficulty,
    /// The days from its start until it is due: [`DUE_IN_DAYS`].
    pub due_in_days: u16,
}

impl QuestDraft {
    /// Validates one quest. Runs of whitespace in its texts become one space.
    ///
    /// # Errors
    /// [`QuestDraftError`] for the first field that is out of range.
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

    /// Returns a job's quests as an attachment of its capture.
    ///
    /// # Errors
    /// [`AttachmentError`] if they are too large, which quests within their limits never are: at most 150 KB.
    pub fn attachment(quests: &[Self]) -> Result<Attachment, AttachmentError> {
        Attachment::new(QUESTS_ATTACHMENT, &quests)
    }

    /// Validates a whole answer: [`QUESTS`] quests with distinct titles, ignoring case.
    ///
    /// # Errors
    /// [`QuestDraftError`] if any quest is invalid. The whole answer fails then, so a customer gets all quests or keeps
    /// the tokens.
    pub fn parse_batch(raw: Vec<RawQuest>) -> Result<Vec<Self>, QuestDraftError> {
        if !QUESTS.contains(&raw.len()) {
            return Err(QuestDraftError::Quests { count: raw.len() });
        }
        let quests = raw.into_iter().map(Self::parse).collect::<Result<Vec<_>, _>>()?;
        let mut titles = HashSet::new();
        match quests.iter().find(|quest| !titles.insert(quest.title.to_lowercase())) {
            Some(duplicate) => Err(QuestDraftError::DuplicateTitle(duplicate.title.clone())),
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

/// The reason why a model's answer is rejected.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum QuestDraftError {
    /// A text is empty.
    #[error("a quest's {field} is empty")]
    Empty {
        /// The field.
        field: &'static str,
    },
    /// A text is too long.
    #[error("a quest's {field} is longer than {limit} characters")]
    TooLong {
        /// The field.
        field: &'static str,
        /// The maximum length, in characters.
        limit: usize,
    },
    /// A text has a control character that is not whitespace.
    #[error("a quest's {field} contains a control character")]
    Unprintable {
        /// The field.
        field: &'static str,
    },
    /// The number of steps is outside [`STEPS`].
    #[error("a quest has {count} steps, outside {range:?}", range = STEPS)]
    Steps {
        /// The number of steps.
        count: usize,
    },
    /// The reward is outside [`REWARD`].
    #[error("a quest's reward is {0}, outside {range:?}", range = REWARD)]
    Reward(i64),
    /// The difficulty is unknown.
    #[error(transparent)]
    Difficulty(#[from] UnknownDifficulty),
    /// The due date is outside [`DUE_IN_DAYS`].
    #[error("a quest is due in {0} days, outside {range:?}", range = DUE_IN_DAYS)]
    DueInDays(i64),
    /// The number of quests is outside [`QUESTS`].
    #[error("the answer has {count} quests, outside {range:?}", range = QUESTS)]
    Quests {
        /// The number of quests.
        count: usize,
    },
    /// Two quests have the same title.
    #[error("two quests have the title {0:?}")]
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
            why: "They know what they need.".into(),
            steps: vec!["Choose them.".into()],
            reward: 100,
            difficulty: "easy".into(),
            due_in_days: 7,
        }
    }

    /// Changes one field of a valid quest and checks the result of parsing it.
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
    fn a_goal_keeps_newlines_and_rejects_other_control_characters() {
        check_goal("one\r\ntwo\rthree\tfour", Ok("one\ntwo\nthree four"));
        let refused = "Remove the invisible control character, or type the goal by hand.";
        check_goal("one\0two", Err(refused));
        check_goal("one\u{1b}[31mtwo", Err(refused));
    }

    #[test]
    fn a_goal_serializes_as_a_string_and_is_validated_when_deserialized() {
        let goal = Goal::parse("Sell more").unwrap();
        assert_eq!(serde_json::to_string(&goal).unwrap(), r#""Sell more""#);
        assert_eq!(serde_json::from_str::<Goal>(r#"" Sell more ""#).unwrap(), goal);
        assert!(serde_json::from_str::<Goal>(r#""x""#).is_err());
    }

    #[test]
    fn every_limit_of_a_quest_is_exact() {
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
    fn an_answer_has_one_to_ten_quests_with_distinct_titles() {
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
    fn a_quest_deserializes_from_its_own_json_and_is_validated_again() {
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
