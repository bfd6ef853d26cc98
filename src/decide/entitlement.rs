//! Entitlement: whether a caller may use a feature now, and if not, the first refusal that applies.

use crate::{
    access::{guard::RateStatus, refusal::Refusal},
    billing::license::{License, Restriction, SuspensionCause},
    catalog::{Catalog, Feature, Limits},
    command::{Caller, Usage},
    decide::{Context, draft::Draft},
    ledger::{account::Account, grant::GrantPart, tokens::Tokens},
    names::TokenType,
    time::Instant,
};

/// The cost of a use and the grants it would burn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    /// The token type.
    pub token_type: TokenType,
    /// The cost of the whole use, in tokens.
    pub cost: Tokens,
    /// The grants it would burn, in burn-down order.
    pub parts: Vec<GrantPart>,
    /// The available balance after the use.
    pub available_after: Tokens,
}

/// Checks whether a use would be admitted now. Counts towards no limit and changes nothing.
///
/// # Errors
/// The first refusal that applies.
pub fn check(account: &Account, usage: &Usage, cx: &Context<'_>) -> Result<Quote, Refusal> {
    let mut draft = Draft::new(account, cx);
    draft.advance();
    admit(&draft, usage)
}

/// Returns the cost of a use, for a page that shows the price in advance.
///
/// Like [`check`], but ignores the rate and the interval, because they pass within seconds.
///
/// # Errors
/// The first refusal that applies, other than rate and interval.
pub fn quote(account: &Account, usage: &Usage, cx: &Context<'_>) -> Result<Quote, Refusal> {
    let mut draft = Draft::new(account, cx);
    draft.advance();
    match admit(&draft, usage) {
        Err(Refusal::RateLimited { .. } | Refusal::TooFrequent { .. }) => {
            let feature = find_feature(cx.catalog, usage)?;
            check_balance(&draft, usage, feature, check_license(&draft, feature)?)
        }
        answer => answer,
    }
}

/// Checks a use in the order of refusal: account closed, blocked, plan, license, rate, interval, balance. The
/// caller gets the first refusal that applies.
pub(crate) fn admit(draft: &Draft<'_>, usage: &Usage) -> Result<Quote, Refusal> {
    let (catalog, now) = (draft.cx.catalog, draft.cx.now);
    let feature = find_feature(catalog, usage)?;
    let guard = usage.caller.guard().map(|id| draft.guard(id)).unwrap_or_default();
    let limits = limits(catalog, &usage.caller);

    draft.check_open()?;
    guard.check_block(now)?;
    check_plan(draft, feature)?;
    let off = check_license(draft, feature)?;
    guard.check_rate(&limits, now)?;
    guard.check_interval(&limits, now)?;
    check_balance(draft, usage, feature, off)
}

fn find_feature<'c>(catalog: &'c Catalog, usage: &Usage) -> Result<&'c Feature, Refusal> {
    catalog.feature(&usage.feature).ok_or_else(|| Refusal::UnknownFeature { feature: usage.feature.clone() })
}

/// Returns the request limits of a caller. Staff and the system have none.
pub(crate) fn limits(catalog: &Catalog, caller: &Caller) -> Limits {
    match caller {
        Caller::Member { .. } | Caller::ApiKey { member: Some(_), .. } => catalog.member_limits,
        Caller::ApiKey { member: None, .. } => catalog.key_limits,
        Caller::Staff { .. } | Caller::System => Limits::default(),
    }
}

/// Returns the state of the caller's rate limit, or `None` if it has none.
pub fn rate_status(account: &Account, catalog: &Catalog, caller: &Caller, now: Instant) -> Option<RateStatus> {
    let guard = caller.guard().and_then(|id| account.guards.get(&id)).cloned().unwrap_or_default();
    guard.rate_status(&limits(catalog, caller), now)
}

/// Decision 1: AI is for paid plans. A pack does not unlock a feature that the plan does not include.
fn check_plan(draft: &Draft<'_>, feature: &Feature) -> Result<(), Refusal> {
    let plan = &draft.terms().plan;
    if draft.cx.catalog.includes(plan, feature) {
        return Ok(());
    }
    let (feature, plan, needs) = (feature.name.clone(), plan.clone(), feature.from_plan.clone());
    Err(Refusal::FeatureNotInPlan { feature, plan, needs })
}

/// Decision 5: the license comes first. Returns the current restriction.
fn check_license(draft: &Draft<'_>, feature: &Feature) -> Result<Restriction, Refusal> {
    let license = draft.terms().license;
    if let License::Suspended { since, cause: SuspensionCause::Staff } = license {
        return Err(Refusal::LicenseSuspendedByStaff { since });
    }
    let off = license.restriction(&draft.cx.catalog.ladder, draft.cx.now);
    if off == Restriction::Ai || (off >= Restriction::Premium && feature.premium) {
        return Err(Refusal::LicenseSuspended { off, since: license.since() });
    }
    Ok(off)
}

fn check_balance(draft: &Draft<'_>, usage: &Usage, feature: &Feature, off: Restriction) -> Result<Quote, Refusal> {
    let token_type = feature.token_type.clone();
    let needed = feature
        .cost_of(usage.quantity)
        .ok_or_else(|| Refusal::amount("the cost of this quantity exceeds the largest possible balance"))?;
    let (parts, available) = draft.select_grants(&token_type, needed, off >= Restriction::Allowance);
    if available < needed {
        let withheld = draft.balance(&token_type).available().saturating_sub(available);
        let resets_at = draft.next_allowance(&token_type);
        return Err(Refusal::InsufficientTokens { token_type, needed, available, withheld, resets_at });
    }
    let available_after = draft.balance(&token_type).after_spending(needed).available();
    Ok(Quote { token_type, cost: needed, parts, available_after })
}
