//! Parses a goal into subject, measure and time.
//!
//! The rules are heuristics for English. A wrong guess must still read well, so unparsed text is quoted.

mod measure;
mod subject;
mod time;

use std::ops::Range;

pub(super) use time::Time;

/// A parsed goal.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reading {
    /// Fits after "for": "merch revenue", or the goal's own words in quotation marks.
    pub(super) subject: Option<String>,
    /// "20% more", "$5,000 a month", "from 5% to 3%", "300".
    pub(super) measure: Option<String>,
    /// "by June", "in 6 weeks".
    pub(super) time: Option<Time>,
    /// Every word, in lowercase.
    pub(super) words: Vec<String>,
}

impl Reading {
    pub(super) fn of(goal: &str) -> Self {
        let mut words = words(goal);
        let time = time::find(&words).map(|found| found.mark(Part::Time, &mut words));
        let measure = measure::find(&words).map(|found| found.mark(Part::Measure, &mut words));
        Self {
            subject: subject::find(&words),
            measure,
            time,
            words: words.into_iter().map(|word| word.lower).collect(),
        }
    }
}

/// One word of the goal, without the punctuation around it.
struct Word {
    text: String,
    lower: String,
    /// Whether a comma or a parsed part follows.
    pause: bool,
    /// Whether the sentence ends here.
    ends: bool,
    /// The part of the goal that it was parsed as.
    part: Option<Part>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Measure,
    Time,
}

/// A parsed value and the range of its words.
struct Found<T> {
    value: T,
    at: Range<usize>,
}

impl<T> Found<T> {
    fn mark(self, part: Part, words: &mut [Word]) -> T {
        if let Some(before) = self.at.start.checked_sub(1) {
            words[before].pause = true;
        }
        for word in &mut words[self.at] {
            word.part = Some(part);
        }
        self.value
    }
}

fn words(goal: &str) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    for line in goal.lines() {
        for raw in line.split_whitespace() {
            let text = raw.trim_start_matches(|c: char| !c.is_alphanumeric() && !"$€£¥@&%".contains(c));
            let core = text.trim_end_matches(|c: char| !c.is_alphanumeric() && !"$€£¥%+&".contains(c));
            let tail = &text[core.len()..];
            if core.is_empty() {
                // A lone dash, emoji or ellipsis separates thoughts.
                if let Some(last) = words.last_mut() {
                    last.ends = true;
                }
                continue;
            }
            words.push(Word {
                text: core.to_owned(),
                lower: core.to_lowercase().replace('’', "'"),
                pause: tail.contains(','),
                ends: tail.contains(['.', '!', '?', ';', '。', '！', '？']),
                part: None,
            });
        }
        if let Some(last) = words.last_mut() {
            last.ends = true;
        }
    }
    words
}

fn lower(words: &[Word], at: usize) -> &str {
    words.get(at).map_or("", |word| &word.lower)
}

/// Joins the words as they appear within a sentence: the first one in lowercase.
fn phrase(words: &[Word]) -> String {
    let texts = words.iter().enumerate().map(|(at, word)| if at == 0 { &word.lower } else { &word.text });
    texts.map(String::as_str).collect::<Vec<_>>().join(" ")
}

/// Parses the numbers that people spell out in goals.
fn spelled(word: &str) -> Option<u16> {
    let small = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];
    (1..).zip(small).find(|(_, name)| *name == word).map(|(number, _)| number)
}

/// Returns whether the word is in a space-separated list.
fn is_in(word: &str, list: &str) -> bool {
    list.split_whitespace().any(|listed| listed == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `then` is subject, measure, time.
    #[track_caller]
    fn check(given: &str, then: (&str, &str, &str)) {
        let reading = Reading::of(given);
        let time = reading.time.as_ref().map_or("", |time| &time.text);
        let text = |part: &Option<String>| part.clone().unwrap_or_default();
        assert_eq!((text(&reading.subject).as_str(), text(&reading.measure).as_str(), time), then, "{given}");
    }

    #[test]
    fn a_goal_is_parsed_into_subject_measure_and_time() {
        check("Increase merch revenue by 20% by June", ("merch revenue", "20% more", "by June"));
        check("By June, increase merch revenue by 20 percent.", ("merch revenue", "20 percent more", "by June"));
        check("We want to sell 300 tickets before the summer tour", ("tickets before the summer tour", "300", ""));
        check("Reach 1,000 followers on Instagram in 6 weeks!", ("followers on Instagram", "1,000", "in 6 weeks"));
        check("Reduce churn from 5% to 3% this quarter", ("churn", "from 5% to 3%", "this quarter"));
        check("Save $500 a month on software", ("software", "$500 a month", ""));
        check("Hire two engineers by the end of March", ("engineers", "two", "by the end of March"));
        check("Please help us launch our podcast", ("your podcast", "", ""));
        check("Launch a new product by 15 September 2027", ("your new product", "", "by 15 September 2027"));
        check("Answer support tickets within 2 hours", ("support tickets", "within 2 hours", ""));
        check("Get more newsletter subscribers", ("newsletter subscribers", "", ""));
        check("20% more revenue by Q3", ("revenue", "20% more", "by Q3"));
        check("Cut costs by $2k without firing anybody", ("costs", "$2k less", ""));
        check("Increase sales and reduce costs", ("sales", "", ""));
        check("Keep error rate below 1%", ("“Keep error rate below 1%”", "below 1%", ""));
        check("Sell at least 50 posters by Friday", ("posters", "at least 50", "by Friday"));
        check("Double our audience next year", ("your audience", "double", "next year"));
    }

    #[test]
    fn unparsed_goals_are_quoted() {
        check("Be happier at work", ("“Be happier at work”", "", ""));
        check("learn to play guitar", ("“learn to play guitar”", "", ""));
        check("売上を伸ばす", ("“売上を伸ばす”", "", ""));
        check("Plan the 2027 tour", ("the 2027 tour", "", ""));
        check("Enter the top 10", ("“Enter the top 10”", "", ""));
    }

    #[test]
    fn the_subject_ends_where_the_next_clause_begins() {
        check("Grow our audience to 10k followers in 3 months", ("your audience", "10k", "in 3 months"));
        check("Get 50 new email subscribers every week", ("new email subscribers", "50 every week", ""));
        check("Sell out the autumn tour", ("the autumn tour", "", ""));
        check("Our team is burnt out. We need to cut meetings by half.", ("meetings", "down to half", ""));
        check("lose 5 kg by May", ("“lose 5 kg”", "5 kg", "by May"));
        check("Get our first 100 paying customers by the end of Q2", ("paying customers", "100", "by the end of Q2"));
        check("By Q3, we want 30% more repeat customers", ("repeat customers", "30% more", "by Q3"));
        check("Sell tickets to our show on March 14", ("tickets to your show", "", "on March 14"));
        check("Expand into the German market", ("the German market", "", ""));
    }

    #[test]
    fn a_goal_without_words_has_no_subject() {
        for goal in ["!!!", "🚀🚀🚀", "…", "by June", "20%", ""] {
            assert_eq!(Reading::of(goal).subject, None, "{goal}");
        }
    }

    #[test]
    fn a_time_span_is_converted_to_days() {
        let days = |goal| Reading::of(goal).time.and_then(|time| time.days);
        assert_eq!(days("Sell more in 2 weeks"), Some(14));
        assert_eq!(days("Sell more within three months"), Some(90));
        assert_eq!(days("Sell more over the next 10 days"), Some(10));
        assert_eq!(days("Sell more by the end of the week"), Some(7));
        assert_eq!(days("Sell more next month"), Some(60));
        assert_eq!(days("Sell more in 9 years"), Some(365));
        assert_eq!(days("Sell more by June"), None);
    }

    #[test]
    fn long_subjects_are_shortened_between_words() {
        let goal = format!("Increase {}", "wonderful ".repeat(40));
        check(&goal, ("wonderful wonderful wonderful wonderful…", "", ""));
        check(&format!("Increase {}", "w".repeat(400)), (&format!("{}…", "w".repeat(39)), "", ""));
    }
}
