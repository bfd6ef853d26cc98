//! The parameters that change a subscription's items, of updates and of previews.

use crate::demo::stripe_sandbox::{
    billing_records::{Item, Price, Subscription, SubscriptionStatus},
    changes::Change,
    error::ApiError,
    params::{Params, boolean, required, whole_number},
    state::State,
};

/// The most items of a subscription, as at Stripe.
const MAX_ITEMS: usize = 20;
/// The quantities that Stripe's API accepts here.
const QUANTITY: std::ops::RangeInclusive<u64> = 1..=1_000;

/// The place of the parameters: at the top level, or within another parameter.
#[derive(Clone, Copy)]
pub(super) enum Place {
    Top,
    Within(&'static str),
}

impl Place {
    /// Returns the full name of the parameter `name`, such as `items[0][id]`.
    fn param(self, name: &str) -> String {
        let Self::Within(outer) = self else { return name.to_owned() };
        match name.split_once('[') {
            None => format!("{outer}[{name}]"),
            Some((first, rest)) => format!("{outer}[{first}][{rest}"),
        }
    }

    /// Takes a change of the items from the parameters. Returns `None` if they contain no item.
    pub(super) fn take(
        self,
        params: &mut Params,
        state: &State,
        of: &Subscription,
        now: i64,
    ) -> Result<Option<Change>, ApiError> {
        let [behavior, date] = ["proration_behavior", "proration_date"].map(|name| self.param(name));
        let (prorates, at) = (params.take(&behavior), params.take(&date));
        let prorates = match prorates.as_deref() {
            None => None,
            Some("none") => Some(false),
            Some("always_invoice") => Some(true),
            Some(_) => return Err(ApiError::choices(&behavior, "none or always_invoice")),
        };
        let at = match at {
            None => now,
            Some(at) => {
                let at: Option<i64> = at.parse().ok();
                let at = at.filter(|at| (of.period.start..=of.period.end).contains(at));
                at.ok_or_else(|| ApiError::choices(&date, "within the current period"))?
            }
        };
        let trial_end = self.param("trial_end");
        let ends_trial = match params.take(&trial_end).as_deref() {
            None => false,
            Some("now") => of.status == SubscriptionStatus::Trialing,
            Some(_) => return Err(ApiError::choices(&trial_end, "now")),
        };
        let Some(items) = self.take_items(params, state, of, now)? else {
            let items = of.items.clone();
            return Ok(ends_trial.then_some(Change { items, prorates: false, at, ends_trial }));
        };
        // If it is missing, Stripe adds the difference to the next invoice, which the sandbox doesn't support.
        let prorates = prorates.ok_or_else(|| ApiError::choices(&behavior, "none or always_invoice"))?;
        Ok(Some(Change { items, prorates, at, ends_trial }))
    }

    /// Returns all items after the change, or `None` if the parameters contain no item.
    fn take_items(
        self,
        params: &mut Params,
        state: &State,
        of: &Subscription,
        now: i64,
    ) -> Result<Option<Vec<Item>>, ApiError> {
        let mut items = None;
        for n in 0..MAX_ITEMS {
            let names = ["id", "price", "quantity", "deleted"].map(|field| self.param(&format!("items[{n}][{field}]")));
            let [id, price, quantity, deleted] = names.each_ref().map(|name| params.take(name));
            let [id_name, price_name, quantity_name, deleted_name] = names;
            if [&id, &price, &quantity, &deleted].into_iter().all(Option::is_none) {
                break;
            }
            let items = items.get_or_insert_with(|| of.items.clone());
            let price = price.map(|id| find_price(state, &price_name, &id)).transpose()?;
            let quantity = quantity.map(|quantity| whole_number(&quantity_name, &quantity, &QUANTITY)).transpose()?;
            let deleted = deleted.map(|deleted| boolean(&deleted_name, &deleted)).transpose()?.unwrap_or_default();
            let index = match &id {
                None => None,
                Some(id) => {
                    let index = items.iter().position(|item| item.id == *id);
                    Some(index.ok_or_else(|| ApiError::unknown(&id_name, "subscription_item", id))?)
                }
            };
            match index {
                Some(index) if deleted => drop(items.remove(index)),
                Some(index) => {
                    let item = &mut items[index];
                    (item.price, item.quantity) =
                        (price.unwrap_or(item.price.clone()), quantity.unwrap_or(item.quantity));
                }
                // As at Stripe, an item without an id is added.
                None => {
                    let price = price.ok_or_else(|| required(&price_name, None).err().unwrap_or_else(no_items))?;
                    items.push(Item { quantity: quantity.unwrap_or(1), ..Item::new(price, now) });
                }
            }
        }
        items.map(|items| check(items, of)).transpose()
    }
}

fn find_price(state: &State, param: &str, id: &str) -> Result<Price, ApiError> {
    state.prices.get(id).cloned().ok_or_else(|| ApiError::unknown(param, "price", id))
}

fn no_items() -> ApiError {
    ApiError::invalid("A subscription must have at least one item.")
}

/// Checks that the items can be on one subscription.
fn check(items: Vec<Item>, of: &Subscription) -> Result<Vec<Item>, ApiError> {
    let first = items.first().ok_or_else(no_items)?;
    for (n, item) in items.iter().enumerate() {
        let Price { id, currency, interval, .. } = &item.price;
        if currency != of.currency() {
            let message = format!(
                "The price specified only supports `{currency}`. This doesn't match the expected currency: `{}`.",
                of.currency()
            );
            return Err(ApiError::invalid(message));
        }
        if *interval != first.price.interval {
            return Err(ApiError::invalid("All items of a subscription must have the same billing interval."));
        }
        if let Some(other) = items[..n].iter().find(|other| other.price.id == *id) {
            let message = format!("An existing Subscription Item `{}` is already using that Price.", other.id);
            return Err(ApiError::invalid(message));
        }
    }
    Ok(items)
}
