//! The built-in AI provider: quests without a network, for demos, development and tests.

mod reading;
mod themes;

use std::time::Duration;

use brightmeter::features::quest::{Goal, QuestDraft, RawQuest};

use self::{reading::Reading, themes::Template};
use super::{AiError, AiProvider};

/// The duration of a job whose goal contains `#slow`.
pub const SLOW_JOB_DURATION: Duration = Duration::from_secs(8);

/// A rule-based provider with a dozen themes. The same goal always yields the same quests.
#[derive(Clone, Copy, Debug)]
pub struct BuiltIn {
    /// Enables fault injection by tags in the goal: `#fail` fails, `#slow` takes [`SLOW_JOB_DURATION`], `#crash` panics.
    /// For demos only. If `false`, the tags are plain text.
    pub faults: bool,
}

#[async_trait::async_trait]
impl AiProvider for BuiltIn {
    fn name(&self) -> &str {
        "built-in"
    }

    async fn generate_quests(&self, goal: &Goal) -> Result<Vec<QuestDraft>, AiError> {
        let mut text = goal.as_str().to_owned();
        if self.faults {
            if text.contains("#crash") {
                panic!("the goal contains #crash");
            }
            if text.contains("#fail") {
                return Err(AiError::Status { code: 503 });
            }
            if text.contains("#slow") {
                tokio::time::sleep(SLOW_JOB_DURATION).await;
                text = text.replace("#slow", " ");
            }
        }
        QuestDraft::parse_batch(quests(&text)).map_err(|error| AiError::BadAnswer(error.to_string()))
    }
}

/// Returns four or five quests: an assessment, the weekly numbers or dates, two or three moves, and a lasting habit.
fn quests(goal: &str) -> Vec<RawQuest> {
    let reading = Reading::of(goal);
    let theme = themes::of(&reading.words);
    let seed = seed(&reading.words);
    let plan = plan(theme, &reading, seed);
    let values = Values::of(&reading, theme.subject);
    let total: u16 = plan.iter().map(|template| template.days).sum();
    let mut day = 0;
    plan.into_iter()
        .map(|template| {
            day += template.days;
            RawQuest {
                title: values.fill(template.title),
                why: values.fill(template.why),
                steps: template.steps.iter().map(|step| values.fill(step)).collect(),
                reward: i64::from(template.reward()),
                difficulty: template.difficulty.as_str().to_owned(),
                due_in_days: i64::from(due(day, total, reading.time.as_ref().and_then(|time| time.days))),
            }
        })
        .collect()
}

fn plan(theme: &'static themes::Theme, reading: &Reading, seed: u64) -> Vec<&'static Template> {
    let mut plan = vec![&theme.assessment];
    match (&reading.measure, &reading.time) {
        (Some(_), _) => plan.push(pick(&themes::NUMBERS, seed >> 8)),
        (None, Some(_)) => plan.push(pick(&themes::DATES, seed >> 8)),
        (None, None) => {}
    }
    // Leaving one move out, instead of picking two, keeps the order from light to heavy.
    let all = plan.len() == 1 && seed.is_multiple_of(4);
    let left_out = pick(&[0, 1, 2], seed >> 16);
    plan.extend(theme.moves.iter().enumerate().filter(|(at, _)| all || at != left_out).map(|(_, template)| template));
    plan.push(pick(&themes::HABITS, seed >> 24));
    plan
}

fn pick<T>(from: &[T], seed: u64) -> &T {
    // The remainder is below the slice's length, so the conversion is lossless.
    &from[(seed % from.len() as u64) as usize]
}

/// FNV-1a over the words: stable across builds and machines, and independent of case and whitespace.
fn seed(words: &[String]) -> u64 {
    let bytes = words.iter().flat_map(|word| word.bytes().chain([b' ']));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

/// Returns the due day, scaled down if the plan takes longer than the goal's own time.
fn due(day: u16, total: u16, available: Option<u16>) -> u16 {
    match available {
        Some(available) if available < total => (day * available / total).max(1),
        _ => day,
    }
}

/// The values for the templates' placeholders.
struct Values {
    subject: String,
    aim: String,
    time: String,
}

impl Values {
    fn of(reading: &Reading, default_subject: &str) -> Self {
        let time = reading.time.as_ref().map_or("", |time| &time.text);
        let result = reading.measure.as_deref().unwrap_or("the result you want");
        Self {
            subject: reading.subject.clone().unwrap_or_else(|| default_subject.to_owned()),
            aim: format!("{result} {time}").trim_end().to_owned(),
            time: time.to_owned(),
        }
    }

    /// Fills the placeholders in one pass, so that braces in the goal remain text.
    fn fill(&self, template: &str) -> String {
        let mut parts = template.split('{');
        let mut text = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (name, rest) = part.split_once('}').unwrap_or((part, ""));
            text.push_str(match name {
                "subject" => &self.subject,
                "aim" => &self.aim,
                "time" => &self.time,
                _ => "",
            });
            text.push_str(rest);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::HashSet;

    use super::*;

    async fn ask(faults: bool, goal: &str) -> Result<Vec<QuestDraft>, AiError> {
        BuiltIn { faults }.generate_quests(&Goal::parse(goal).unwrap()).await
    }

    fn text(quests: &[QuestDraft]) -> String {
        quests.iter().map(|quest| format!("{}\n{}\n{}\n", quest.title, quest.why, quest.steps.join("\n"))).collect()
    }

    #[tokio::test]
    async fn the_same_goal_gets_the_same_quests() {
        let quests = ask(false, "Increase merch revenue by 20% by June").await.unwrap();
        assert_eq!(ask(false, "Increase merch revenue by 20% by June").await.unwrap(), quests);
        assert_eq!(ask(true, "Increase  merch revenue\tby 20% by June ").await.unwrap(), quests);
    }

    #[tokio::test]
    async fn different_goals_get_different_quests() {
        let mut seen = HashSet::new();
        for goal in
            ["Sell more", "Sell more posters", "Sell more by June", "Sell 20% more", "Hire a drummer", "Learn Rust"]
        {
            assert!(seen.insert(text(&ask(false, goal).await.unwrap())), "{goal}");
        }
    }

    #[tokio::test]
    async fn the_goals_own_numbers_and_dates_are_used() {
        let quests = ask(false, "Increase merch revenue by 20% by June").await.unwrap();
        assert!(quests.iter().all(|quest| quest.title.contains("merch revenue")), "{quests:#?}");
        assert!(quests.iter().any(|quest| quest.title.ends_with("merch revenue: 20% more by June")), "{quests:#?}");
        assert!(quests.last().unwrap().steps.iter().any(|step| step.contains("20% more by June")), "{quests:#?}");
    }

    #[tokio::test]
    async fn due_dates_ascend_and_fit_the_goals_own_time() {
        let days =
            async |goal| ask(false, goal).await.unwrap().iter().map(|quest| quest.due_in_days).collect::<Vec<_>>();
        assert!(days("Sell more posters").await.is_sorted_by(|one, next| one < next));
        let squeezed = days("Sell more posters in 2 weeks").await;
        assert!(squeezed.is_sorted_by(|one, next| one < next), "{squeezed:?}");
        assert_eq!(squeezed.last(), Some(&14));
        assert_eq!(days("Sell more posters in 1 day").await.last(), Some(&1));
    }

    #[tokio::test]
    async fn every_goal_gets_three_to_five_quests_that_parse() {
        let verbs = ["", "Increase ", "We want to reduce ", "learn to ", "Please: ", "{subject} {aim} ", "by "];
        let things = [
            "merch revenue",
            "customers",
            "the tour",
            "our podcast",
            "売上を伸ばしたい",
            "زيادة المبيعات",
            "🚀🚀🚀",
            "👩‍👩‍👧‍👦 families",
            "???",
            "…!?",
            "{{{",
            "}{}{",
            "\"quoted\"",
            "<b>bold</b>",
            "a\nb\nc",
            "100%",
            "$$$",
            "& and or",
            "\u{200b}\u{200b}\u{200b}",
            "\u{202e}desrever",
            "e\u{301}e\u{301}e\u{301}",
        ];
        let ends = [
            "",
            " by 20%",
            " by June",
            " from 5% to 3% by Q3",
            " in 3 days",
            " to",
            " in 65535 years",
            " in 99999999999 weeks",
        ];
        let mut goals = Vec::new();
        for verb in verbs {
            for thing in things {
                goals.extend(ends.iter().map(|end| format!("{verb}{thing}{end}")));
            }
        }
        goals.extend(
            ["w", "é", "🦀", "!", "w ", "99", "$1,", "by ", "to 5% ", "from 1% to "]
                .map(|part| part.chars().cycle().take(500).collect::<String>()),
        );
        for goal in goals {
            let quests = ask(false, &goal).await.unwrap_or_else(|error| panic!("{goal:?}: {error}"));
            assert!((3..=5).contains(&quests.len()), "{goal:?}");
            assert!(quests.iter().all(|quest| (3..=4).contains(&quest.steps.len())), "{goal:?}");
            assert!(quests.is_sorted_by_key(|quest| quest.due_in_days), "{goal:?}");
            assert!(!text(&quests).contains("  "), "{goal:?}");
        }
    }

    #[tokio::test]
    async fn a_goal_can_trigger_a_failure() {
        let error = ask(true, "Sell more #fail").await.unwrap_err();
        assert_eq!(error.public_reason(), "The AI service reported an error.");
    }

    #[tokio::test(start_paused = true)]
    async fn a_goal_can_trigger_a_delay() {
        let started = tokio::time::Instant::now();
        let slow = ask(true, "Sell #slow more").await.unwrap();
        assert_eq!(started.elapsed(), SLOW_JOB_DURATION);
        assert_eq!(slow, ask(true, "Sell more").await.unwrap());
        ask(true, "#slow").await.unwrap();
    }

    #[tokio::test]
    #[should_panic(expected = "the goal contains #crash")]
    async fn a_goal_can_trigger_a_crash() {
        let _ = ask(true, "Sell #crash more").await;
    }

    #[tokio::test(start_paused = true)]
    async fn without_faults_the_tags_are_plain_text() {
        let started = tokio::time::Instant::now();
        let quests = ask(false, "Sell #fail #slow #crash posters").await.unwrap();
        assert!(started.elapsed().is_zero());
        assert!(quests[0].title.contains("crash"), "{}", quests[0].title);
    }
}
