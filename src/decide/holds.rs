//! Holds: reserve, then capture or release.
//!
//! Decision 3: a job that fails is never charged. Only a capture takes tokens; a release and an expiry return all of
//! them.

use super::{
    count_admitted,
    draft::{Draft, EntryDetails},
    grants, purchases,
    spends::{grant_has_expired, replacement_grant},
};
use crate::{
    access::refusal::Refusal,
    command::{Caller, Usage},
    decide::entitlement,
    ids::HoldId,
    ledger::{
        balance::Balance,
        entry::EntryKind,
        grant::{GrantPart, sum},
        hold::{Hold, HoldState},
        outcome::Effect,
        tokens::Tokens,
    },
    time::{Instant, after_seconds},
};

pub(super) fn open(draft: &mut Draft<'_>, usage: &Usage, ttl_seconds: Option<u32>) -> Result<Effect, Refusal> {
    let (limits, now) = (draft.cx.catalog.holds, draft.cx.now);
    let ttl = ttl_seconds.unwrap_or(limits.default_ttl_seconds);
    if !(1..=limits.max_ttl_seconds).contains(&ttl) {
        return Err(Refusal::TtlOutOfRange { max_seconds: limits.max_ttl_seconds });
    }
    let quote = entitlement::admit(draft, usage)?;
    count_admitted(draft, usage);
    let hold = Hold {
        id: HoldId(draft.cx.transaction.0),
        feature: usage.feature.clone(),
        caller: usage.caller,
        token_type: quote.token_type.clone(),
        parts: quote.parts,
        state: HoldState::Open,
        opened_at: now,
        expires_at: after_seconds(now, ttl),
    };
    for part in &hold.parts {
        draft.change_grant(part.grant, |grant| grant.held = grant.held.plus(part.amount));
    }
    let before = draft.balance(&hold.token_type);
    let balance = Balance { held: before.held.plus(quote.cost), ..before };
    let details = EntryDetails {
        feature: Some(&usage.feature),
        hold: Some(hold.id),
        metadata: usage.metadata.as_ref(),
        ..EntryDetails::new(EntryKind::Held, usage.caller, &hold.parts)
    };
    draft.append(&hold.token_type, balance, details);
    let effect = Effect::HoldOpened {
        hold: hold.id,
        token_type: quote.token_type,
        amount: quote.cost,
        expires_at: hold.expires_at,
        balance,
    };
    draft.changes.holds.insert(hold.id, hold);
    Ok(effect)
}

pub(super) fn capture(draft: &mut Draft<'_>, id: HoldId, amount: Option<Tokens>) -> Result<Effect, Refusal> {
    let hold = find_open(draft, id)?;
    let held = hold.amount();
    let amount = amount.unwrap_or(held);
    if amount > held {
        return Err(Refusal::CaptureExceedsHold { held });
    }
    if amount.is_zero() {
        return Err(Refusal::amount("a capture charges at least 1 token; release the hold to charge nothing"));
    }
    let (charged, returned) = split_parts(&hold.parts, amount);
    let caller = hold.caller;
    close(draft, &hold, HoldState::Captured { amount, at: draft.cx.now }, EntryKind::Captured, caller, &charged, None);
    replace_expired(draft, &hold, &returned, draft.cx.now);
    purchases::reconcile(draft);
    let balance = draft.balance(&hold.token_type);
    Ok(Effect::Captured { hold: id, token_type: hold.token_type, amount, returned: sum(&returned), balance })
}

pub(super) fn release(draft: &mut Draft<'_>, id: HoldId, reason: &str) -> Result<Effect, Refusal> {
    let hold = find_open(draft, id)?;
    let state = HoldState::Released { reason: reason.into(), at: draft.cx.now };
    close(draft, &hold, state, EntryKind::Released, hold.caller, &[], Some(reason));
    replace_expired(draft, &hold, &hold.parts, draft.cx.now);
    purchases::reconcile(draft);
    let balance = draft.balance(&hold.token_type);
    Ok(Effect::Released {
        hold: id,
        returned: hold.amount(),
        token_type: hold.token_type,
        reason: reason.into(),
        balance,
    })
}

/// Decision 3: expires a hold that was neither captured nor released. Takes effect at its `expires_at`, even if it is
/// booked later.
pub(super) fn expire(draft: &mut Draft<'_>, hold: &Hold) {
    let state = HoldState::Expired { at: draft.cx.now };
    close(draft, hold, state, EntryKind::HoldExpired, Caller::System, &[], None);
    replace_expired(draft, hold, &hold.parts, hold.expires_at);
    purchases::reconcile(draft);
}

fn find_open(draft: &Draft<'_>, id: HoldId) -> Result<Hold, Refusal> {
    let hold = draft.hold(id).ok_or(Refusal::HoldNotFound)?;
    if hold.is_open() { Ok(hold.clone()) } else { Err(Refusal::HoldClosed { state: hold.state.as_str().into() }) }
}

/// Splits the held parts into the charged ones, in burn-down order, and the returned ones.
fn split_parts(parts: &[GrantPart], amount: Tokens) -> (Vec<GrantPart>, Vec<GrantPart>) {
    let mut missing = amount;
    let (mut charged, mut returned) = (Vec::new(), Vec::new());
    for part in parts {
        let take = part.amount.min(missing);
        missing = missing.minus(take);
        for (list, amount) in [(&mut charged, take), (&mut returned, part.amount.minus(take))] {
            if !amount.is_zero() {
                list.push(GrantPart { grant: part.grant, amount });
            }
        }
    }
    (charged, returned)
}

/// Ends a hold with one entry: returns its reservation and charges `charged`.
fn close(
    draft: &mut Draft<'_>,
    hold: &Hold,
    state: HoldState,
    kind: EntryKind,
    caller: Caller,
    charged: &[GrantPart],
    note: Option<&str>,
) {
    for part in &hold.parts {
        draft.change_grant(part.grant, |grant| grant.held = grant.held.minus(part.amount));
    }
    for part in charged {
        draft.change_grant(part.grant, |grant| grant.remaining = grant.remaining.minus(part.amount));
    }
    let before = draft.balance(&hold.token_type);
    let after =
        Balance { settled: before.settled.minus(sum(charged)), held: before.held.minus(hold.amount()), ..before };
    let details = EntryDetails {
        feature: Some(&hold.feature),
        hold: Some(hold.id),
        note,
        ..EntryDetails::new(kind, caller, charged)
    };
    draft.append(&hold.token_type, after, details);
    draft.changes.holds.insert(hold.id, Hold { state, ..hold.clone() });
}

/// Decision 3: replaces returned tokens whose grant had expired by `at` with a grant to the end of the period.
/// Otherwise they would expire immediately, and a failed job would cost tokens.
fn replace_expired(draft: &mut Draft<'_>, hold: &Hold, parts: &[GrantPart], at: Instant) {
    let expired: Vec<GrantPart> = parts.iter().copied().filter(|part| grant_has_expired(draft, part, at)).collect();
    if expired.is_empty() {
        return;
    }
    grants::burn(draft, &hold.token_type, EntryDetails::new(EntryKind::Expired, Caller::System, &expired));
    let new = replacement_grant(draft, &hold.token_type, sum(&expired), at);
    grants::create(draft, new, EntryDetails::new(EntryKind::Granted, Caller::System, &[]));
}
