//! Text of one line, as names and reasons are.

/// Trims a text. Returns `None` if it is empty, longer than `max_chars`, or contains control characters.
pub(crate) fn one_line(text: &str, max_chars: usize) -> Option<&str> {
    let text = text.trim();
    let fits = (1..=max_chars).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    fits.then_some(text)
}
