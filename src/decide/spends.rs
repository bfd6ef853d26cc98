//! Spends, charged immediately, and their refunds.

use super::{
    count_admitted,
    draft::{Draft, EntryDetails},
    grants::{self, NewGrant},
    purchases,
};
use crate::{
    access::refusal::Refusal,
    command::{Caller, Usage},
    decide::entitlement,
    ids::TransactionId,
    ledger::{
        balance::Balance,
        entry::EntryKind,
        grant::{GrantPart, Source, sum},
        outcome::Effect,
        tokens::Tokens,
    },
    names::TokenType,
    time::Instant,
};

pub(super) fn spend(draft: &mut Draft<'_>, usage: &Usage) -> Result<Effect, Refusal> {
    let quote = entitlement::admit(draft, usage)?;
    count_admitted(draft, usage);
    let details = EntryDetails {
        feature: Some(&usage.feature),
        metadata: usage.metadata.as_ref(),
        ..EntryDetails::new(EntryKind::Spent, usage.caller, &quote.parts)
    };
    grants::burn(draft, &quote.token_type, details);
    let balance = draft.balance(&quote.token_type);
    Ok(Effect::Spent { token_type: quote.token_type, amount: quote.cost, balance, parts: quote.parts })
}

/// Refunds a spend to the grants that it burned. If a grant has expired since, a replacement grant to the end of the
/// period takes its share.
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
    let (expired, valid): (Vec<GrantPart>, Vec<GrantPart>) =
        spend.parts.iter().partition(|part| grant_has_expired(draft, part, now));
    let mut parts = Vec::new();
    for part in valid {
        let frozen = draft.frozen_of(part.grant);
        parts.extend(grants::return_tokens(draft, part.grant, part.amount, frozen));
    }
    if !expired.is_empty() {
        let amount = sum(&expired);
        let grant = grants::insert(draft, &replacement_grant(draft, &token_type, amount, now), amount);
        parts.push(GrantPart { grant, amount });
    }
    let before = draft.balance(&token_type);
    let after = Balance { settled: before.settled.checked_add(amount).ok_or_else(Refusal::over_limit)?, ..before };
    let details = EntryDetails {
        feature: Some(&spend.feature),
        member: spend.member,
        reverses: Some(of),
        note: Some(reason),
        ..EntryDetails::new(EntryKind::Refunded, caller, &parts)
    };
    draft.append(&token_type, after, details);
    draft.changes.refunds.insert(of, draft.cx.transaction);
    purchases::reconcile(draft);
    let balance = draft.balance(&token_type);
    Ok(Effect::Refunded { of, amount, balance, token_type })
}

/// Whether the grant of `part` had expired at `at`, so that tokens can't return to it.
pub(super) fn grant_has_expired(draft: &Draft<'_>, part: &GrantPart, at: Instant) -> bool {
    draft.grant(part.grant).is_none_or(|grant| grant.has_expired(at))
}

/// Returns the replacement for `amount` tokens that return to expired grants at `at`. It expires at the end of that
/// period.
pub(super) fn replacement_grant<'a>(
    draft: &Draft<'_>,
    token_type: &'a TokenType,
    amount: Tokens,
    at: Instant,
) -> NewGrant<'a> {
    NewGrant { token_type, amount, source: Source::Refund, expires_at: Some(draft.terms().period(at).end) }
}
