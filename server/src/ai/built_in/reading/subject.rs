//! Finds the subject of a goal.

use super::{Part, Word, is_in};

/// The maximum length of a subject, in characters.
const MAX_CHARS: usize = 40;

/// Openings without information about the goal. An opening comes before its own prefixes.
const OPENINGS: &[&str] = &[
    "my goal is to",
    "our goal is to",
    "the goal is to",
    "i would like to",
    "we would like to",
    "i am trying to",
    "we are trying to",
    "i'm trying to",
    "we're trying to",
    "i'd like to",
    "we'd like to",
    "i want to",
    "we want to",
    "i need to",
    "we need to",
    "i have to",
    "we have to",
    "help me to",
    "help us to",
    "how do i",
    "how do we",
    "how can i",
    "how can we",
    "how to",
    "help me",
    "help us",
    "we want",
    "i want",
    "we need",
    "i need",
    "we should",
    "we must",
    "let's",
    "please",
    "goal",
];

/// Verbs that their object follows directly.
const VERBS: &str = "answer attract automate book boost build clear complete create cut decrease design double earn expand \
    fill find finish fix gain generate grow halve hire host improve increase launch learn lift lower \
    manage master optimise optimize organise organize plan prepare prevent produce promote publish raise \
    reach record recruit reduce release retain run save scale sell ship shorten simplify speed start stop \
    strengthen study train triple win write streamline shrink develop hit achieve deliver mix quadruple \
    acquire secure restock";
/// Two-word verbs.
const VERB_PAIRS: &[(&str, &str)] = &[
    ("get", "more"),
    ("get", "new"),
    ("get", "our"),
    ("get", "my"),
    ("get", "the"),
    ("make", "more"),
    ("have", "more"),
    ("bring", "in"),
    ("set", "up"),
    ("put", "on"),
    ("go", "on"),
    ("win", "back"),
    ("cut", "down"),
    ("sell", "out"),
];
/// Verbs that a number and then their object follow: "play 10 shows".
const COUNTED: &str = "get make have play give attend do visit read";
const COMPARATIVES: &str = "more better higher fewer less lower faster up extra";
/// Words that begin a reason or a condition.
const BREAKS: &str = "so because while without which but then using until by every each per";
const LOOSE: &str = "into by to with of from in and the a an for on at or & across than within is";

/// Words that begin a clause. A clause cannot follow "for".
const CLAUSES: &str = "to how what why who that it them this whether";

/// Returns a noun phrase, or the goal's own words in quotation marks; at most [`MAX_CHARS`] long without the marks.
///
/// It comes from the first sentence with a recognized verb, or else from the first sentence.
pub(super) fn find(words: &[Word]) -> Option<String> {
    let sentences = || words.split_inclusive(|word| word.ends).filter(|sentence| sentence.iter().any(has_content));
    let subject = sentences().find_map(object).map(|object| shortened(&addressed(&object)));
    let quoted = || sentences().next().map(|sentence| format!("“{}”", shortened(&plain(sentence))));
    subject.or_else(quoted).filter(|text| text.contains(char::is_alphanumeric))
}

fn has_content(word: &Word) -> bool {
    word.part.is_none() && !is_in(&word.lower, LOOSE)
}

fn without_opening(mut words: &[Word]) -> &[Word] {
    while let Some(opening) = OPENINGS.iter().find(|opening| begins(words, opening)) {
        words = &words[opening.split(' ').count()..];
    }
    words
}

fn begins(words: &[Word], phrase: &str) -> bool {
    let mut words = words.iter();
    phrase.split(' ').all(|part| words.next().is_some_and(|word| word.lower == part && word.part.is_none()))
}

/// Returns the object of the sentence's verb, or `None` if no verb, comparative or measure shows where it begins.
fn object(sentence: &[Word]) -> Option<Vec<&Word>> {
    // A leading time, as in "By June, sell more", is not part of the subject.
    let timed = sentence.iter().take_while(|word| word.part == Some(Part::Time)).count();
    let clause = without_opening(&sentence[timed..]);
    let verb = match clause {
        [first, ..] if first.part == Some(Part::Measure) => 0,
        [first, second, ..] if VERB_PAIRS.contains(&(&first.lower, &second.lower)) => 2,
        [first, ..] if is_in(&first.lower, VERBS) || is_in(&first.lower, COMPARATIVES) => 1,
        [first, second, ..] if is_in(&first.lower, COUNTED) && second.part == Some(Part::Measure) => 1,
        _ => return None,
    };
    let mut object: Vec<&Word> = clause[verb..].iter().skip_while(|word| word.part.is_some()).collect();
    let article = |word: &Word| is_in(&word.lower, "the a an");
    loop {
        match object.as_slice() {
            [the, number, of, ..] if (&*the.lower, &*number.lower, &*of.lower) == ("the", "number", "of") => {
                object.drain(..3);
            }
            [first, ..] if is_in(&first.lower, CLAUSES) => return None,
            [first, ..]
                if first.part.is_some()
                    || is_in(&first.lower, COMPARATIVES)
                    || is_in(&first.lower, LOOSE) && !article(first) =>
            {
                object.remove(0);
            }
            _ => break,
        }
    }
    let end = (1..object.len()).find(|&at| {
        let verb_next = object.get(at + 1).is_some_and(|next| is_in(&next.lower, VERBS));
        object[at - 1].pause || is_in(&object[at].lower, BREAKS) || object[at].lower == "and" && verb_next
    });
    object.truncate(end.unwrap_or(object.len()));
    Some(object)
}

/// Puts the object into the second person: "my" becomes "your", and so does a leading "a".
fn addressed(object: &[&Word]) -> String {
    let addressed = object.iter().enumerate().map(|(at, word)| match word.lower.as_str() {
        "my" | "our" => "your",
        "me" | "us" => "you",
        "a" | "an" if at == 0 => "your",
        _ => &word.text,
    });
    addressed.collect::<Vec<_>>().join(" ")
}

/// Returns the sentence without its opening and its time.
fn plain(sentence: &[Word]) -> String {
    let kept = without_opening(sentence).iter().filter(|word| word.part != Some(Part::Time));
    kept.map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ")
}

fn shortened(text: &str) -> String {
    let fits = text.chars().count() <= MAX_CHARS;
    let mut kept: String = text.chars().take(MAX_CHARS - 1).collect();
    if fits {
        kept = text.to_owned();
    } else if let Some((whole, _)) = kept.rsplit_once(' ')
        && !text[kept.len()..].starts_with(' ')
    {
        kept = whole.to_owned();
    }
    while let Some((before, last)) = kept.rsplit_once(' ')
        && is_in(&last.to_lowercase(), LOOSE)
    {
        kept = before.to_owned();
    }
    if fits { kept } else { kept + "…" }
}
