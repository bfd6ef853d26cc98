//! What a goal is about.

use super::{Part, Word, is};

const CHARS: usize = 40;

/// Ways to begin that say nothing about the goal; longer ones before what they begin with.
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

/// Verbs whose object follows at once.
const VERBS: &str = "answer attract automate book boost build clear complete create cut decrease design double earn expand \
    fill find finish fix gain generate grow halve hire host improve increase launch learn lift lower \
    manage master optimise optimize organise organize plan prepare prevent produce promote publish raise \
    reach record recruit reduce release retain run save scale sell ship shorten simplify speed start stop \
    strengthen study train triple win write streamline shrink develop hit achieve deliver mix quadruple \
    acquire secure restock";
/// Verbs of two words.
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
/// Verbs whose object follows a number: "play 10 shows".
const COUNTED: &str = "get make have play give attend do visit read";
const COMPARATIVES: &str = "more better higher fewer less lower faster up extra";
/// What follows these is a reason or a condition.
const BREAKS: &str = "so because while without which but then using until by every each per";
const LOOSE: &str = "into by to with of from in and the a an for on at or & across than within is";

/// These begin a clause: it cannot follow "for".
const CLAUSES: &str = "to how what why who that it them this whether";

/// A noun phrase, or the goal's own words in quotation marks; at most [`CHARS`] long without the marks.
///
/// The first sentence that says what is to be done decides, or else the first one.
pub(super) fn find(words: &[Word]) -> Option<String> {
    let sentences = || words.split_inclusive(|word| word.ends).filter(|sentence| sentence.iter().any(says_something));
    let subject = sentences().find_map(object).map(|object| shortened(&addressed(&object)));
    let quoted = || sentences().next().map(|sentence| format!("“{}”", shortened(&plain(sentence))));
    subject.or_else(quoted).filter(|text| text.contains(char::is_alphanumeric))
}

fn says_something(word: &Word) -> bool {
    word.part.is_none() && !is(&word.lower, LOOSE)
}

fn without_opening(mut words: &[Word]) -> &[Word] {
    while let Some(opening) = OPENINGS.iter().find(|opening| begins(words, opening)) {
        words = &words[opening.split(' ').count()..];
    }
    words
}

fn begins(words: &[Word], phrase: &str) -> bool {
    let mut words = words.iter();
    phrase.split(' ').all(|said| words.next().is_some_and(|word| word.lower == said && word.part.is_none()))
}

/// What the sentence's verb acts on; nothing if no verb, comparative or measure says where that begins.
fn object(sentence: &[Word]) -> Option<Vec<&Word>> {
    // A time in front, as in "By June, sell more", tells nothing about the subject.
    let timed = sentence.iter().take_while(|word| word.part == Some(Part::Time)).count();
    let clause = without_opening(&sentence[timed..]);
    let verb = match clause {
        [first, ..] if first.part == Some(Part::Measure) => 0,
        [first, second, ..] if VERB_PAIRS.contains(&(&first.lower, &second.lower)) => 2,
        [first, ..] if is(&first.lower, VERBS) || is(&first.lower, COMPARATIVES) => 1,
        [first, second, ..] if is(&first.lower, COUNTED) && second.part == Some(Part::Measure) => 1,
        _ => return None,
    };
    let mut object: Vec<&Word> = clause[verb..].iter().skip_while(|word| word.part.is_some()).collect();
    let article = |word: &Word| is(&word.lower, "the a an");
    loop {
        match object.as_slice() {
            [the, number, of, ..] if (&*the.lower, &*number.lower, &*of.lower) == ("the", "number", "of") => {
                object.drain(..3);
            }
            [first, ..] if is(&first.lower, CLAUSES) => return None,
            [first, ..]
                if first.part.is_some()
                    || is(&first.lower, COMPARATIVES)
                    || is(&first.lower, LOOSE) && !article(first) =>
            {
                object.remove(0);
            }
            _ => break,
        }
    }
    let end = (1..object.len()).find(|&at| {
        let verb_next = object.get(at + 1).is_some_and(|next| is(&next.lower, VERBS));
        object[at - 1].pause || is(&object[at].lower, BREAKS) || object[at].lower == "and" && verb_next
    });
    object.truncate(end.unwrap_or(object.len()));
    Some(object)
}

/// The object as a coach says it: mine is yours, and what is to be made is yours already.
fn addressed(object: &[&Word]) -> String {
    let said = object.iter().enumerate().map(|(at, word)| match word.lower.as_str() {
        "my" | "our" => "your",
        "me" | "us" => "you",
        "a" | "an" if at == 0 => "your",
        _ => &word.text,
    });
    said.collect::<Vec<_>>().join(" ")
}

/// The sentence without its opening and its time.
fn plain(sentence: &[Word]) -> String {
    let kept = without_opening(sentence).iter().filter(|word| word.part != Some(Part::Time));
    kept.map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ")
}

fn shortened(text: &str) -> String {
    let fits = text.chars().count() <= CHARS;
    let mut kept: String = text.chars().take(CHARS - 1).collect();
    if fits {
        kept = text.to_owned();
    } else if let Some((whole, _)) = kept.rsplit_once(' ')
        && !text[kept.len()..].starts_with(' ')
    {
        kept = whole.to_owned();
    }
    while let Some((before, last)) = kept.rsplit_once(' ')
        && is(&last.to_lowercase(), LOOSE)
    {
        kept = before.to_owned();
    }
    if fits { kept } else { kept + "…" }
}
