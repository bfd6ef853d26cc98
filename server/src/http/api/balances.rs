//! The balance of every token type, as `GET /tokens/check-balance` and `GET /tokens/stream` return it.

use brightmeter::{
    catalog::Catalog,
    ledger::{account::Account, overview::Overview},
    time::Instant,
};
use serde::Serialize;
use utoipa::ToSchema;

/// The balance of one token type.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct BalanceBody {
    /// The token type.
    #[schema(example = "ai")]
    token_type: String,
    /// The tokens that can be spent: settled − held.
    #[schema(minimum = 0, example = 200)]
    available: i64,
    /// The tokens reserved by open holds.
    #[schema(minimum = 0, example = 0)]
    held: i64,
    /// The balance before holds.
    #[schema(minimum = 0, example = 200)]
    settled: i64,
    /// The allowance of the current period. `null` if the plan has none.
    allowance: Option<AllowanceBody>,
    /// All other tokens: packs, promotions, refunds and adjustments.
    packs: PacksBody,
}

/// The allowance of a billing period.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AllowanceBody {
    /// The tokens granted for the period.
    #[schema(minimum = 0, example = 200)]
    granted: i64,
    /// The settled tokens that remain of it.
    #[schema(minimum = 0, example = 200)]
    remaining: i64,
    /// When the next period starts.
    #[schema(value_type = String, format = DateTime, example = "2026-12-01T08:30:00Z")]
    resets_at: Instant,
}

/// The tokens that don't reset.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PacksBody {
    /// The settled tokens that remain.
    #[schema(minimum = 0, example = 0)]
    remaining: i64,
}

/// Returns the balance of every token type in the catalog.
pub(super) fn balances(account: &Account, catalog: &Catalog, now: Instant) -> Vec<BalanceBody> {
    let balances = catalog.token_types.iter().map(|spec| {
        let overview = Overview::of(account, catalog, spec);
        BalanceBody {
            token_type: spec.name.to_string(),
            available: overview.balance.available().get(),
            held: overview.balance.held.get(),
            settled: overview.balance.settled.get(),
            allowance: overview.allowance.map(|allowance| AllowanceBody {
                granted: allowance.granted.get(),
                remaining: allowance.remaining.get(),
                resets_at: account.terms.period(now).end,
            }),
            packs: PacksBody { remaining: overview.packs.get() },
        }
    });
    balances.collect()
}
