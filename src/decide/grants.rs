//! Grants and staff adjustments.

use super::draft::{Draft, EntryDetails};
use crate::{
    access::refusal::Refusal,
    command::Caller,
    ids::GrantId,
    ledger::{
        balance::Balance,
        entry::EntryKind,
        grant::{Grant, GrantPart, Source, sum},
        outcome::Effect,
        tokens::Tokens,
    },
    names::TokenType,
    time::Instant,
};

pub(super) struct NewGrant<'a> {
    pub(super) token_type: &'a TokenType,
    pub(super) amount: Tokens,
    pub(super) source: Source,
    pub(super) expires_at: Option<Instant>,
}

pub(super) fn grant(
    draft: &mut Draft<'_>,
    caller: Caller,
    new: NewGrant<'_>,
    note: Option<&str>,
) -> Result<Effect, Refusal> {
    draft.check_open()?;
    check_token_type(draft, new.token_type)?;
    if new.amount.is_zero() {
        return Err(Refusal::amount("a grant has at least 1 token"));
    }
    if new.source == Source::Plan {
        return Err(Refusal::amount("only a reset or an upgrade can create an allowance"));
    }
    if new.expires_at.is_some_and(|at| at <= draft.cx.now) {
        return Err(Refusal::amount("a grant can't expire in the past"));
    }
    check_fits(draft, new.token_type, new.amount)?;
    let (token_type, amount) = (new.token_type.clone(), new.amount);
    let debt = draft.balance(&token_type).debt;
    let grant = create(draft, new, EntryDetails { note, ..EntryDetails::new(EntryKind::Granted, caller, &[]) });
    let balance = draft.balance(&token_type);
    Ok(Effect::Granted { grant, amount, paid_debt: debt.minus(balance.debt), token_type, balance })
}

pub(super) fn adjust(
    draft: &mut Draft<'_>,
    caller: Caller,
    token_type: &TokenType,
    amount: i64,
    reason: &str,
) -> Result<Effect, Refusal> {
    draft.check_open()?;
    check_token_type(draft, token_type)?;
    let size =
        Tokens::new(amount.checked_abs().unwrap_or(i64::MAX)).map_err(|error| Refusal::amount(error.to_string()))?;
    if size.is_zero() {
        return Err(Refusal::amount("an adjustment changes at least 1 token"));
    }
    if amount > 0 {
        check_fits(draft, token_type, size)?;
        let new = NewGrant { token_type, amount: size, source: Source::Admin, expires_at: None };
        create(draft, new, EntryDetails { note: Some(reason), ..EntryDetails::new(EntryKind::Adjusted, caller, &[]) });
    } else {
        let (parts, available) = draft.select_grants(token_type, size, false);
        if available < size {
            let (token_type, withheld, resets_at) = (token_type.clone(), Tokens::ZERO, None);
            return Err(Refusal::InsufficientTokens { token_type, needed: size, available, withheld, resets_at });
        }
        let details = EntryDetails { note: Some(reason), ..EntryDetails::new(EntryKind::Adjusted, caller, &parts) };
        burn(draft, token_type, details);
    }
    Ok(Effect::Adjusted { token_type: token_type.clone(), amount, balance: draft.balance(token_type) })
}

/// Creates a grant and appends its entry with `details`.
///
/// A pack first pays the debt of its token type; the rest becomes available. Commands check in advance that their
/// amount fits into the balance. A reset or a payment grants as much as fits.
pub(super) fn create(draft: &mut Draft<'_>, new: NewGrant<'_>, details: EntryDetails<'_>) -> GrantId {
    let before = draft.balance(new.token_type);
    let paid = if new.source == Source::Pack { before.debt.min(new.amount) } else { Tokens::ZERO };
    let remaining = new.amount.minus(paid).min(before.room());
    let id = insert(draft, &new, remaining);
    let settled = before.settled.plus(remaining);
    let after = Balance { settled, debt: before.debt.minus(paid), ..before };
    let parts = [GrantPart { grant: id, amount: remaining }];
    draft.append(new.token_type, after, EntryDetails { source: Some(new.source), parts: &parts, ..details });
    id
}

/// Inserts a new grant into the account. The caller appends the entry.
pub(super) fn insert(draft: &mut Draft<'_>, new: &NewGrant<'_>, remaining: Tokens) -> GrantId {
    let id = GrantId(draft.next_id());
    let grant = Grant {
        id,
        token_type: new.token_type.clone(),
        source: new.source,
        amount: new.amount,
        remaining,
        held: Tokens::ZERO,
        expires_at: new.expires_at,
        period_start: if new.source == Source::Plan { draft.terms().period_start } else { None },
        created_at: draft.cx.now,
    };
    draft.changes.grants.insert(id, grant);
    id
}

/// Returns `amount` tokens to a grant that has `frozen` tokens set aside. The caller appends the entry.
///
/// The grant may be full, because another pack has paid its debt. Then a new grant of the same source takes the rest.
pub(super) fn return_tokens(draft: &mut Draft<'_>, id: GrantId, amount: Tokens, frozen: Tokens) -> Vec<GrantPart> {
    let Some(grant) = draft.grant(id).cloned() else { return Vec::new() };
    let room = grant.amount.minus(grant.remaining).saturating_sub(frozen);
    let fits = room.min(amount);
    let mut parts = Vec::new();
    if !fits.is_zero() {
        draft.change_grant(id, |grant| grant.remaining = grant.remaining.plus(fits));
        parts.push(GrantPart { grant: id, amount: fits });
    }
    let rest = amount.minus(fits);
    if !rest.is_zero() {
        let Grant { token_type, source, expires_at, .. } = grant;
        // A period has only one allowance, so the replacement is a refund grant with the same expiry.
        let source = if source == Source::Plan { Source::Refund } else { source };
        let new = NewGrant { token_type: &token_type, amount: rest, source, expires_at };
        parts.push(GrantPart { grant: insert(draft, &new, rest), amount: rest });
    }
    parts
}

/// Burns the parts of `details` and appends the entry.
pub(super) fn burn(draft: &mut Draft<'_>, token_type: &TokenType, details: EntryDetails<'_>) {
    for part in details.parts {
        draft.change_grant(part.grant, |grant| grant.remaining = grant.remaining.minus(part.amount));
    }
    let before = draft.balance(token_type);
    let after = Balance { settled: before.settled.minus(sum(details.parts)), ..before };
    draft.append(token_type, after, details);
}

fn check_token_type(draft: &Draft<'_>, token_type: &TokenType) -> Result<(), Refusal> {
    let known = draft.cx.catalog.token_type(token_type).is_some();
    if known { Ok(()) } else { Err(Refusal::UnknownTokenType { token_type: token_type.clone() }) }
}

fn check_fits(draft: &Draft<'_>, token_type: &TokenType, amount: Tokens) -> Result<(), Refusal> {
    draft.balance(token_type).settled.checked_add(amount).map(drop).ok_or_else(Refusal::over_limit)
}
