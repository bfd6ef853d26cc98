//! Making grants, and corrections by staff.

use super::draft::{Draft, Line};
use crate::{
    access::refusal::Refusal,
    command::Caller,
    ids::GrantId,
    ledger::{
        account::Balance,
        entry::EntryKind,
        grant::{Grant, Part, Source, sum},
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
    check_known(draft, new.token_type)?;
    if new.amount.is_zero() {
        return Err(Refusal::amount("a grant brings at least 1 token"));
    }
    if new.source == Source::Plan {
        return Err(Refusal::amount("an allowance only comes from a reset"));
    }
    if new.expires_at.is_some_and(|at| at <= draft.cx.now) {
        return Err(Refusal::amount("a grant cannot lapse in the past"));
    }
    check_fits(draft, new.token_type, new.amount)?;
    let (token_type, amount) = (new.token_type.clone(), new.amount);
    let debt = draft.balance(&token_type).debt;
    let grant = make(draft, new, Line { note, ..Line::new(EntryKind::Granted, caller, &[]) });
    let balance = draft.balance(&token_type);
    Ok(Effect::Granted { grant, amount, paid_debt: debt.saturating_sub(balance.debt), token_type, balance })
}

pub(super) fn adjust(
    draft: &mut Draft<'_>,
    caller: Caller,
    token_type: &TokenType,
    amount: i64,
    reason: &str,
) -> Result<Effect, Refusal> {
    draft.check_open()?;
    check_known(draft, token_type)?;
    let size =
        Tokens::new(amount.checked_abs().unwrap_or(i64::MAX)).map_err(|error| Refusal::amount(error.to_string()))?;
    if size.is_zero() {
        return Err(Refusal::amount("a correction changes at least 1 token"));
    }
    if amount > 0 {
        check_fits(draft, token_type, size)?;
        let new = NewGrant { token_type, amount: size, source: Source::Admin, expires_at: None };
        make(draft, new, Line { note: Some(reason), ..Line::new(EntryKind::Adjusted, caller, &[]) });
    } else {
        let (parts, available) = draft.pick(token_type, size, false);
        if available < size {
            let (token_type, withheld, resets_at) = (token_type.clone(), Tokens::ZERO, None);
            return Err(Refusal::InsufficientTokens { token_type, needed: size, available, withheld, resets_at });
        }
        let line = Line { note: Some(reason), ..Line::new(EntryKind::Adjusted, caller, &parts) };
        burn(draft, token_type, line);
    }
    Ok(Effect::Adjusted { token_type: token_type.clone(), amount, balance: draft.balance(token_type) })
}

/// Makes a grant. A pack pays the debt of its token type first; what is left of it is there to be spent. What a command
/// gives was held against the room there is; of what a period or a payment brings, as much as fits. `line` says who and why.
pub(super) fn make(draft: &mut Draft<'_>, new: NewGrant<'_>, line: Line<'_>) -> GrantId {
    let before = draft.balance(new.token_type);
    let paid = if new.source == Source::Pack { before.debt.min(new.amount) } else { Tokens::ZERO };
    let remaining = new.amount.saturating_sub(paid).min(before.room());
    let id = place(draft, &new, remaining);
    let settled = before.settled.saturating_add(remaining);
    let after = Balance { settled, debt: before.debt.saturating_sub(paid), ..before };
    let parts = [Part { grant: id, amount: remaining }];
    draft.append(new.token_type, after, Line { source: Some(new.source), parts: &parts, ..line });
    id
}

/// Puts a new grant into the account; its entry is the caller's to append.
pub(super) fn place(draft: &mut Draft<'_>, new: &NewGrant<'_>, remaining: Tokens) -> GrantId {
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

/// Returns `amount` to a grant, of which `aside` more is put aside; its entry is the caller's to append. Where the grant is full, as
/// what was owed for it was paid by another, a new one of its kind takes the rest.
pub(super) fn give_back(draft: &mut Draft<'_>, id: GrantId, amount: Tokens, aside: Tokens) -> Vec<Part> {
    let Some(grant) = draft.grant(id).cloned() else { return Vec::new() };
    let room = grant.amount.saturating_sub(grant.remaining).saturating_sub(aside);
    let fits = room.min(amount);
    let mut parts = Vec::new();
    if !fits.is_zero() {
        draft.change_grant(id, |grant| grant.remaining = grant.remaining.saturating_add(fits));
        parts.push(Part { grant: id, amount: fits });
    }
    let rest = amount.saturating_sub(fits);
    if !rest.is_zero() {
        let Grant { token_type, source, expires_at, .. } = grant;
        // An allowance is one a period; what stands in for it lapses with it.
        let source = if source == Source::Plan { Source::Refund } else { source };
        let new = NewGrant { token_type: &token_type, amount: rest, source, expires_at };
        parts.push(Part { grant: place(draft, &new, rest), amount: rest });
    }
    parts
}

/// Takes the line's parts out of their grants and books them.
pub(super) fn burn(draft: &mut Draft<'_>, token_type: &TokenType, line: Line<'_>) {
    for part in line.parts {
        draft.change_grant(part.grant, |grant| grant.remaining = grant.remaining.saturating_sub(part.amount));
    }
    let before = draft.balance(token_type);
    let after = Balance { settled: before.settled.saturating_sub(sum(line.parts)), ..before };
    draft.append(token_type, after, line);
}

fn check_known(draft: &Draft<'_>, token_type: &TokenType) -> Result<(), Refusal> {
    let known = draft.cx.catalog.token_type(token_type).is_some();
    if known { Ok(()) } else { Err(Refusal::UnknownTokenType { token_type: token_type.clone() }) }
}

fn check_fits(draft: &Draft<'_>, token_type: &TokenType, amount: Tokens) -> Result<(), Refusal> {
    draft.balance(token_type).settled.checked_add(amount).map(drop).ok_or_else(Refusal::over_limit)
}
