//! Spending at once, and returning a spend.

use super::{
    count,
    draft::{Draft, Line},
    grants::{self, NewGrant},
    purchases,
};
use crate::{
    access::refusal::Refusal,
    command::{Caller, Usage},
    decide::entitlement,
    ids::TransactionId,
    ledger::{
        account::Balance,
        entry::EntryKind,
        grant::{Part, Source, sum},
        outcome::Effect,
        tokens::Tokens,
    },
    names::TokenType,
    time::Instant,
};

pub(super) fn spend(draft: &mut Draft<'_>, usage: &Usage) -> Result<Effect, Refusal> {
    let quote = entitlement::admit(draft, usage)?;
    count(draft, usage);
    let line = Line {
        feature: Some(&usage.feature),
        metadata: usage.metadata.as_ref(),
        ..Line::new(EntryKind::Spent, usage.caller, &quote.parts)
    };
    grants::burn(draft, &quote.token_type, line);
    let balance = draft.balance(&quote.token_type);
    Ok(Effect::Spent { token_type: quote.token_type, amount: quote.cost, balance, parts: quote.parts })
}

/// Returns a spend to the grants that it burned; for those that have lapsed since, a grant to the end of the period stands in.
pub(super) fn refund(
    draft: &mut Draft<'_>,
    caller: Caller,
    of: TransactionId,
    reason: &str,
) -> Result<Effect, Refusal> {
    let spend = draft.spend(of).cloned().ok_or(Refusal::SpendNotFound)?;
    if spend.refunded_by.is_some() {
        return Err(Refusal::AlreadyRefunded);
    }
    let now = draft.cx.now;
    let token_type = spend.token_type;
    let amount = sum(&spend.parts);
    let (lapsed, kept): (Vec<Part>, Vec<Part>) = spend.parts.iter().partition(|part| has_lapsed(draft, part, now));
    let mut parts = Vec::new();
    for part in kept {
        let aside = draft.frozen_of(part.grant);
        parts.extend(grants::give_back(draft, part.grant, part.amount, aside));
    }
    if !lapsed.is_empty() {
        let amount = sum(&lapsed);
        let grant = grants::place(draft, &stand_in(draft, &token_type, amount, now), amount);
        parts.push(Part { grant, amount });
    }
    let before = draft.balance(&token_type);
    let after = Balance { settled: before.settled.checked_add(amount).ok_or_else(Refusal::over_limit)?, ..before };
    let line = Line {
        feature: Some(&spend.feature),
        member: spend.member,
        reverses: Some(of),
        note: Some(reason),
        ..Line::new(EntryKind::Refunded, caller, &parts)
    };
    draft.append(&token_type, after, line);
    draft.changes.refunds.insert(of, draft.cx.transaction);
    purchases::follow(draft);
    let balance = draft.balance(&token_type);
    Ok(Effect::Refunded { of, amount, balance, token_type })
}

/// Whether the grant of `part` had lapsed at `at`, so that nothing could return to it.
pub(super) fn has_lapsed(draft: &Draft<'_>, part: &Part, at: Instant) -> bool {
    draft.grant(part.grant).is_none_or(|grant| grant.has_expired(at))
}

/// The grant that stands in for `amount` tokens of lapsed ones that return at `at`: to the end of the period then.
pub(super) fn stand_in<'a>(draft: &Draft<'_>, token_type: &'a TokenType, amount: Tokens, at: Instant) -> NewGrant<'a> {
    NewGrant { token_type, amount, source: Source::Refund, expires_at: Some(draft.terms().period(at).end) }
}
