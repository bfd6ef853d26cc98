//! Finds the measure in a goal: the number it is measured by.

use super::{Found, Word, is_in, lower, phrase, spelled};

/// The maximum length of a measure, in characters.
const MAX_CHARS: usize = 28;

const UP: &str = "increase grow boost raise lift improve expand gain earn sell scale more";
const DOWN: &str = "reduce cut lower decrease save shrink drop less";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Percent,
    Money,
    Count,
    Span,
}

/// Returns the first measure in the goal.
pub(super) fn find(words: &[Word]) -> Option<Found<String>> {
    multiple(words).or_else(|| number(words))
}

/// Finds "double …", "… in half" and the like.
fn multiple(words: &[Word]) -> Option<Found<String>> {
    (0..words.len()).find_map(|at| {
        let before = at.checked_sub(1).map_or("", |before| lower(words, before));
        let begins = at == 0 || before == "to";
        let (value, start) = match lower(words, at) {
            "half" if is_in(before, "by in") => ("down to half", at - 1),
            "halve" if begins => ("down to half", at),
            "double" if begins => ("double", at),
            "triple" if begins => ("triple", at),
            _ => return None,
        };
        Some(Found { value: value.to_owned(), at: start..at + 1 })
    })
}

fn number(words: &[Word]) -> Option<Found<String>> {
    (0..words.len()).find_map(|at| {
        let (kind, mut end) = amount(words, at)?;
        // The words between `start` and `shown` belong to the measure, but are not displayed: "by", "to".
        let (mut start, mut shown, mut relative) = (at, at, kind == Kind::Percent);
        match (
            at.checked_sub(2).map_or("", |two| lower(words, two)),
            at.checked_sub(1).map_or("", |one| lower(words, one)),
        ) {
            (_, "from") if lower(words, end) == "to" => {
                if let Some((_, until)) = amount(words, end + 1) {
                    (start, shown, end, relative) = (at - 1, at - 1, until, false);
                }
            }
            ("at", "least" | "most") | ("more" | "less" | "fewer", "than") => {
                (start, shown, relative) = (at - 2, at - 2, false);
            }
            (_, "under" | "below" | "over" | "above" | "within" | "beyond") => {
                (start, shown, relative) = (at - 1, at - 1, false);
            }
            (_, "by") => (start, relative) = (at - 1, kind != Kind::Span),
            (_, "to") => (start, relative) = (at - 1, false),
            (_, "of" | "around" | "about" | "another" | "first" | "next") => start = at - 1,
            _ => {}
        }
        if words.get(end..end + 2).is_some_and(is_rate) {
            end += 2;
        }
        if matches!(lower(words, end), "more" | "less" | "fewer") && !words[end - 1].ends {
            (end, relative) = (end + 1, false);
        }
        let mut text = phrase(&words[shown..end]);
        if relative {
            text += direction(words);
        }
        if let Some(rate) = words[end..].windows(2).find(|pair| is_rate(pair)) {
            text = format!("{text} {}", phrase(rate));
        }
        (text.chars().count() <= MAX_CHARS).then_some(Found { value: text, at: start..end })
    })
}

/// Returns the kind and the end of the amount that begins here.
fn amount(words: &[Word], at: usize) -> Option<(Kind, usize)> {
    let word = words.get(at).filter(|word| word.part.is_none())?.lower.as_str();
    let before = at.checked_sub(1).map_or("", |before| lower(words, before));
    let plain = word.trim_start_matches(['$', '€', '£', '¥']);
    let number = plain.trim_end_matches(['%', '$', '€', '£', '¥', '+', 'k', 'm', 'x']);
    let is_number = number.starts_with(|c: char| c.is_ascii_digit())
        && number.len() <= 12
        && number.bytes().all(|byte| byte.is_ascii_digit() || b".,".contains(&byte));
    if !is_number && spelled(word).is_none_or(|number| number < 2) {
        return None;
    }
    let is_year = number.len() == 4 && (number.starts_with("19") || number.starts_with("20")) && number == word;
    let money = |sign: char| word.starts_with(sign) || word.ends_with(sign);
    match lower(words, at + 1) {
        _ if word.ends_with('%') => Some((Kind::Percent, at + 1)),
        "%" | "percent" => Some((Kind::Percent, at + 2)),
        _ if ['$', '€', '£', '¥'].into_iter().any(money) => Some((Kind::Money, at + 1)),
        "dollars" | "euros" | "pounds" | "usd" | "eur" | "gbp" => Some((Kind::Money, at + 2)),
        "seconds" | "minutes" | "hours" | "days" | "kg" | "km" => Some((Kind::Span, at + 2)),
        _ if is_year || matches!(before, "top" | "version" | "part" | "phase" | "season" | "chapter" | "level") => None,
        _ => Some((Kind::Count, at + 1)),
    }
}

/// Returns whether the words are a rate: "a month", "every week".
fn is_rate(pair: &[Word]) -> bool {
    is_in(lower(pair, 0), "a per each every") && is_in(lower(pair, 1), "day week month quarter year")
}

fn direction(words: &[Word]) -> &'static str {
    words
        .iter()
        .find_map(|word| match word.lower.as_str() {
            word if is_in(word, UP) => Some(" more"),
            word if is_in(word, DOWN) => Some(" less"),
            _ => None,
        })
        .unwrap_or_default()
}
