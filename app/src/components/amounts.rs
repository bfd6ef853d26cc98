//! Token amounts as text.

use brightmeter::ledger::tokens::Tokens;

/// Formats amounts with their labels: `500 AI tokens and 50 Deep tokens`.
pub fn format_amounts(amounts: &[(Tokens, String)]) -> String {
    let texts: Vec<String> = amounts.iter().map(|(amount, label)| format!("{amount} {label}")).collect();
    texts.join(" and ")
}
