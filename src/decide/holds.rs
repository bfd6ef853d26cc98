//! Holds. Decision 3 lives here: a job that fails is never charged.

use super::{
    count,
    draft::{Draft, Line},
    grants, purchases,
    spends::{has_lapsed, stand_in},
};
use crate::{
    access::refusal::Refusal,
    command::{Caller, Usage},
    decide::entitlement,
    ids::HoldId,
    ledger::{
        account::Balance,
        entry::EntryKind,
        grant::{Part, sum},
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
    count(draft, usage);
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
        draft.change_grant(part.grant, |grant| grant.held = grant.held.saturating_add(part.amount));
    }
    let before = draft.balance(&hold.token_type);
    let balance = Balance { held: before.held.saturating_add(quote.cost), ..before };
    let line = Line {
        feature: Some(&usage.feature),
        hold: Some(hold.id),
        metadata: usage.metadata.as_ref(),
        ..Line::new(EntryKind::Held, usage.caller, &hold.parts)
    };
    draft.append(&hold.token_type, balance, line);
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
    let (charged, returned) = split(&hold.parts, amount);
    let caller = hold.caller;
    end_with(
        draft,
        &hold,
        HoldState::Captured { amount, at: draft.cx.now },
        EntryKind::Captured,
        caller,
        &charged,
        None,
    );
    give_back(draft, &hold, &returned, draft.cx.now);
    purchases::follow(draft);
    let balance = draft.balance(&hold.token_type);
    Ok(Effect::Captured { hold: id, token_type: hold.token_type, amount, returned: sum(&returned), balance })
}

pub(super) fn release(draft: &mut Draft<'_>, id: HoldId, reason: &str) -> Result<Effect, Refusal> {
    let hold = find_open(draft, id)?;
    let state = HoldState::Released { reason: reason.into(), at: draft.cx.now };
    end_with(draft, &hold, state, EntryKind::Released, hold.caller, &[], Some(reason));
    give_back(draft, &hold, &hold.parts, draft.cx.now);
    purchases::follow(draft);
    let balance = draft.balance(&hold.token_type);
    Ok(Effect::Released {
        hold: id,
        returned: hold.amount(),
        token_type: hold.token_type,
        reason: reason.into(),
        balance,
    })
}

/// Ends a hold that nobody ended in time: as of the instant at which it lapsed, whenever that is noticed.
pub(super) fn expire(draft: &mut Draft<'_>, hold: &Hold) {
    let state = HoldState::Expired { at: draft.cx.now };
    end_with(draft, hold, state, EntryKind::HoldExpired, Caller::System, &[], None);
    give_back(draft, hold, &hold.parts, hold.expires_at);
    purchases::follow(draft);
}

fn find_open(draft: &Draft<'_>, id: HoldId) -> Result<Hold, Refusal> {
    let hold = draft.hold(id).ok_or(Refusal::HoldNotFound)?;
    if hold.is_open() { Ok(hold.clone()) } else { Err(Refusal::HoldClosed { state: hold.state.as_str().into() }) }
}

/// Splits the held parts into what is charged, in burn-down order, and what returns.
fn split(parts: &[Part], amount: Tokens) -> (Vec<Part>, Vec<Part>) {
    let mut missing = amount;
    let (mut charged, mut returned) = (Vec::new(), Vec::new());
    for part in parts {
        let take = part.amount.min(missing);
        missing = missing.saturating_sub(take);
        for (list, amount) in [(&mut charged, take), (&mut returned, part.amount.saturating_sub(take))] {
            if !amount.is_zero() {
                list.push(Part { grant: part.grant, amount });
            }
        }
    }
    (charged, returned)
}

/// Ends a hold: nothing is reserved any more, `charged` is gone. One entry says both.
fn end_with(
    draft: &mut Draft<'_>,
    hold: &Hold,
    state: HoldState,
    kind: EntryKind,
    caller: Caller,
    charged: &[Part],
    note: Option<&str>,
) {
    for part in &hold.parts {
        draft.change_grant(part.grant, |grant| grant.held = grant.held.saturating_sub(part.amount));
    }
    for part in charged {
        draft.change_grant(part.grant, |grant| grant.remaining = grant.remaining.saturating_sub(part.amount));
    }
    let before = draft.balance(&hold.token_type);
    let after = Balance {
        settled: before.settled.saturating_sub(sum(charged)),
        held: before.held.saturating_sub(hold.amount()),
        ..before
    };
    let line = Line { feature: Some(&hold.feature), hold: Some(hold.id), note, ..Line::new(kind, caller, charged) };
    draft.append(&hold.token_type, after, line);
    draft.changes.holds.insert(hold.id, Hold { state, ..hold.clone() });
}

/// What was reserved of a grant that had lapsed by `at` would lapse with it: a grant to the end of the period stands in for
/// it, so that a failed job never costs anything.
fn give_back(draft: &mut Draft<'_>, hold: &Hold, parts: &[Part], at: Instant) {
    let lapsed: Vec<Part> = parts.iter().copied().filter(|part| has_lapsed(draft, part, at)).collect();
    if lapsed.is_empty() {
        return;
    }
    grants::burn(draft, &hold.token_type, Line::new(EntryKind::Expired, Caller::System, &lapsed));
    let new = stand_in(draft, &hold.token_type, sum(&lapsed), at);
    grants::make(draft, new, Line::new(EntryKind::Granted, Caller::System, &[]));
}
