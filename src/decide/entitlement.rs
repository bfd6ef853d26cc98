//! Entitlement: may this caller use this feature now, and if not, why.

use crate::{
    access::{guard::RateStatus, refusal::Refusal},
    billing::license::{License, Restriction},
    catalog::{Catalog, Feature, Limits},
    command::{Caller, Usage},
    decide::{Context, draft::Draft},
    ledger::{account::Account, grant::Part, tokens::Tokens},
    names::TokenType,
    time::Instant,
};

/// What a use would cost and burn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    /// The kind of tokens.
    pub token_type: TokenType,
    /// How many.
    pub cost: Tokens,
    /// The grants that would burn, in order.
    pub parts: Vec<Part>,
    /// What would be available after it.
    pub available_after: Tokens,
}

/// Asks without using: counts towards no limit and changes nothing.
///
/// # Errors
/// The first refusal that applies.
pub fn check(account: &Account, usage: &Usage, cx: &Context<'_>) -> Result<Quote, Refusal> {
    let mut draft = Draft::new(account, cx);
    draft.advance();
    admit(&draft, usage)
}

/// What a use would cost now, for a page that shows the price before the click: as [`check`], but a limit of pace, which is
/// over in seconds, does not hide it.
///
/// # Errors
/// The first refusal that applies, other than by rate and interval.
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

/// The order of refusal. The first that applies is the one told: account closed, blocked, plan, license, rate, interval,
/// quota, balance.
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

/// The limits that a caller is under. Staff and the system are under none.
pub(crate) fn limits(catalog: &Catalog, caller: &Caller) -> Limits {
    match caller {
        Caller::Member { .. } | Caller::ApiKey { member: Some(_), .. } => catalog.member_limits,
        Caller::ApiKey { member: None, .. } => catalog.key_limits,
        Caller::Staff { .. } | Caller::System => Limits::default(),
    }
}

/// Where `caller` stands under its rate, where it is under one.
pub fn rate_status(account: &Account, catalog: &Catalog, caller: &Caller, now: Instant) -> Option<RateStatus> {
    let guard = caller.guard().and_then(|id| account.guards.get(&id)).cloned().unwrap_or_default();
    guard.rate_status(&limits(catalog, caller), now)
}

/// Decision 1: AI is for paid plans. A pack does not open a feature that the plan lacks.
fn check_plan(draft: &Draft<'_>, feature: &Feature) -> Result<(), Refusal> {
    let plan = &draft.terms().plan;
    if draft.cx.catalog.includes(plan, feature) {
        return Ok(());
    }
    let (feature, plan, needs) = (feature.name.clone(), plan.clone(), feature.from_plan.clone());
    Err(Refusal::FeatureNotInPlan { feature, plan, needs })
}

/// Decision 5: the license comes first. Answers with what is off.
fn check_license(draft: &Draft<'_>, feature: &Feature) -> Result<Restriction, Refusal> {
    let license = draft.terms().license;
    if let License::Stopped { since } = license {
        return Err(Refusal::LicenseStopped { since });
    }
    let off = license.off(&draft.cx.catalog.ladder, draft.cx.now);
    if off == Restriction::Ai || (off >= Restriction::Premium && feature.premium) {
        return Err(Refusal::LicenseSuspended { off, since: license.since() });
    }
    Ok(off)
}

fn check_balance(draft: &Draft<'_>, usage: &Usage, feature: &Feature, off: Restriction) -> Result<Quote, Refusal> {
    let token_type = feature.token_type.clone();
    let needed = feature
        .cost_of(usage.quantity)
        .ok_or_else(|| Refusal::amount("the cost of that quantity is more than any balance"))?;
    let (parts, available) = draft.pick(&token_type, needed, off >= Restriction::Allowance);
    if available < needed {
        let withheld = draft.balance(&token_type).available().saturating_sub(available);
        let resets_at = draft.next_allowance(&token_type);
        return Err(Refusal::InsufficientTokens { token_type, needed, available, withheld, resets_at });
    }
    let available_after = draft.balance(&token_type).less(needed).available();
    Ok(Quote { token_type, cost: needed, parts, available_after })
}
