//! Finds the time in a goal.

use super::{Found, Word, is_in, lower, phrase, spelled};

/// The time by which the goal is to be reached.
#[derive(Debug, PartialEq, Eq)]
pub(in super::super) struct Time {
    /// The goal's own words, beginning with "by", "in", "this" and the like.
    pub(in super::super) text: String,
    /// The most days that are left, 1 to 365. `None` if that takes a calendar.
    pub(in super::super) days: Option<u16>,
}

/// The maximum length of a time, in characters.
const MAX_CHARS: usize = 28;

const MONTHS: &str = "january february march april may june july august september october november december jan feb mar apr \
    jun jul aug sep oct nov dec";
const WEEKDAYS: &str = "monday tuesday wednesday thursday friday saturday sunday";
const SEASONS: &str = "spring summer autumn fall winter christmas easter halloween thanksgiving q1 q2 q3 q4 h1 h2 eoy eoq \
    eom";
const AROUND: &str = "the end start middle of this next early late mid beginning coming";
/// Words that may follow a time. Before any other word, the season belongs to a noun, as in "by the summer tour".
const AFTER: &str =
    "for with in and without so to on at while then but via through using we i or by because from increase";

pub(super) fn find(words: &[Word]) -> Option<Found<Time>> {
    (0..words.len()).find_map(|at| {
        let end = match lower(words, at) {
            "in" | "within" | "over" => span(words, at + 1).or_else(|| calendar(words, at + 1))?,
            "on" | "by" | "before" | "until" | "till" => calendar(words, at + 1)?,
            "this" | "next" => calendar(words, at)?,
            _ => return None,
        };
        let text = phrase(&words[at..end]);
        (text.chars().count() <= MAX_CHARS)
            .then(|| Found { value: Time { text, days: days(&words[at..end]) }, at: at..end })
    })
}

/// Returns the end of a span such as "6 weeks" or "the next three months".
fn span(words: &[Word], mut at: usize) -> Option<usize> {
    while matches!(lower(words, at), "the" | "next" | "coming") {
        at += 1;
    }
    (number(lower(words, at)).is_some() && unit(lower(words, at + 1)).is_some()).then_some(at + 2)
}

/// Returns the end of a date such as "June", "the end of March", "15 September 2027" or "next week".
fn calendar(words: &[Word], start: usize) -> Option<usize> {
    let (mut end, mut dated) = (start, false);
    for (at, word) in words.iter().enumerate().skip(start).take(6) {
        if is_date(&word.lower) {
            (end, dated) = (at + 1, true);
        } else if dated && is_day(&word.lower) {
            end = at + 1;
        } else if !is_day(&word.lower) && !is_in(&word.lower, AROUND) {
            break;
        }
        if word.ends {
            break;
        }
    }
    let last = words[start..end].last()?;
    let next = lower(words, end);
    let closed = last.ends || last.pause || next.is_empty();
    let belongs =
        !closed && !is_in(next, AFTER) && !next.starts_with(|c: char| c.is_ascii_digit() || "$€£".contains(c));
    (!belongs).then_some(end)
}

fn is_date(word: &str) -> bool {
    is_in(word, MONTHS)
        || is_in(word, WEEKDAYS)
        || is_in(word, SEASONS)
        || unit(word).is_some() && !word.ends_with('s')
        || word.len() == 4 && word.starts_with("20") && word.bytes().all(|byte| byte.is_ascii_digit())
        || word.contains(['-', '/']) && word.bytes().all(|byte| byte.is_ascii_digit() || b"-/".contains(&byte))
}

fn is_day(word: &str) -> bool {
    let number = ["st", "nd", "rd", "th"].iter().find_map(|suffix| word.strip_suffix(suffix)).unwrap_or(word);
    number.parse().is_ok_and(|day: u8| (1..=31).contains(&day))
}

fn unit(word: &str) -> Option<u32> {
    match word {
        "day" | "days" => Some(1),
        "week" | "weeks" => Some(7),
        "month" | "months" => Some(30),
        "quarter" | "quarters" => Some(90),
        "year" | "years" => Some(365),
        _ => None,
    }
}

fn number(word: &str) -> Option<u16> {
    match word {
        "a" | "an" => Some(1),
        _ => word.parse().ok().filter(|number| *number > 0).or_else(|| spelled(word)),
    }
}

fn days(words: &[Word]) -> Option<u16> {
    let has = |wanted: &str| words.iter().any(|word| is_in(&word.lower, wanted));
    let unit = words.iter().find_map(|word| unit(&word.lower));
    let count = words.iter().find_map(|word| number(&word.lower));
    let days = match (unit, count) {
        (Some(unit), Some(count)) => unit * u32::from(count),
        (Some(unit), None) if has("next") => unit * 2,
        (Some(unit), None) => unit,
        (None, _) if has(WEEKDAYS) => 7,
        (None, _) => return None,
    };
    u16::try_from(days.min(365)).ok()
}
