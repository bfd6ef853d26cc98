//! Amounts of tokens, in words.

use brightmeter::ledger::tokens::Tokens;

/// `500 AI tokens and 50 Deep tokens`.
pub fn in_words(amounts: &[(Tokens, String)]) -> String {
    let texts: Vec<String> = amounts.iter().map(|(amount, label)| format!("{amount} {label}")).collect();
    texts.join(" and ")
}
