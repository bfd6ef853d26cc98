//! Prices in several currencies, and the rates that compare them with costs, which are in the catalog's own currency.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Catalog, CatalogProblem, Pack, Plan};
use crate::billing::money::{Currency, MICROS_PER_UNIT, Money};

/// The value of one unit of a currency, in millionths of a unit of the catalog's own currency. In the catalog, a decimal:
/// `"1.08"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ExchangeRate(u64);

/// The error for an invalid exchange rate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an exchange rate: use a positive decimal with at most six decimals, such as \"1.08\"")]
pub struct ExchangeRateError(String);

impl ExchangeRate {
    /// Converts an amount in millionths, rounded down.
    fn convert(self, micros: u64) -> u64 {
        let converted = u128::from(micros) * u128::from(self.0) / u128::from(MICROS_PER_UNIT);
        u64::try_from(converted).unwrap_or(u64::MAX)
    }
}

impl TryFrom<String> for ExchangeRate {
    type Error = ExchangeRateError;

    fn try_from(text: String) -> Result<Self, ExchangeRateError> {
        let micros = || {
            let (whole, decimals) = text.split_once('.').unwrap_or((&text, "0"));
            let is_number =
                |part: &str| (1..=6).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
            let number = |part: &str| part.parse::<u64>().ok().filter(|_| is_number(part));
            Some(
                number(whole)? * MICROS_PER_UNIT
                    + number(&format!("{decimals:0<6}")).filter(|_| !decimals.is_empty())?,
            )
        };
        micros().filter(|micros| *micros > 0).map(Self).ok_or_else(|| ExchangeRateError(text.clone()))
    }
}

impl From<ExchangeRate> for String {
    fn from(ExchangeRate(micros): ExchangeRate) -> String {
        format!("{}.{:06}", micros / MICROS_PER_UNIT, micros % MICROS_PER_UNIT)
    }
}

impl Catalog {
    /// Returns an amount in the catalog's own currency.
    pub fn money(&self, minor: u32) -> Money {
        Money::new(minor, self.currency)
    }

    /// Returns the currencies of the prices, the catalog's own first.
    pub fn currencies(&self) -> Vec<Currency> {
        let others: BTreeSet<Currency> = self.further_prices().map(|(_, price)| price.currency).collect();
        [self.currency].into_iter().chain(others).collect()
    }

    /// Returns the price of a plan in `currency`, or in the catalog's own if the plan has none in it.
    pub fn plan_price(&self, plan: &Plan, currency: Currency) -> Money {
        self.price(plan.price_cents, &plan.prices, currency)
    }

    /// Returns the price of a pack in `currency`, or in the catalog's own if the pack has none in it.
    pub fn pack_price(&self, pack: &Pack, currency: Currency) -> Money {
        self.price(pack.price_cents, &pack.prices, currency)
    }

    fn price(&self, own: u32, further: &BTreeMap<Currency, u32>, currency: Currency) -> Money {
        match further.get(&currency) {
            Some(minor) => Money::new(*minor, currency),
            None if own == 0 => Money::new(0, currency),
            None => self.money(own),
        }
    }

    /// Returns the value of `price` in millionths of a unit of the catalog's own currency; 0 without an exchange rate.
    pub(super) fn value_micros(&self, price: Money) -> u64 {
        if price.currency == self.currency {
            return price.micros();
        }
        self.exchange_rates.get(&price.currency).map_or(0, |rate| rate.convert(price.micros()))
    }

    /// The prices in further currencies, each with its plan or pack.
    fn further_prices(&self) -> impl Iterator<Item = (String, Money)> {
        let plans = self.plans.iter().map(|plan| (format!("plan `{}`", plan.name), &plan.prices));
        let packs = self.packs.iter().map(|pack| (format!("pack `{}`", pack.name), &pack.prices));
        plans.chain(packs).flat_map(|(item, prices)| {
            prices.iter().map(move |(currency, minor)| (item.clone(), Money::new(*minor, *currency)))
        })
    }
}

/// Checks the prices and exchange rates of further currencies.
pub(super) fn check(catalog: &Catalog, problems: &mut Vec<CatalogProblem>) {
    let mut require = |valid: bool, text: String| {
        if !valid {
            problems.push(CatalogProblem::Invalid(text));
        }
    };
    for (item, price) in catalog.further_prices() {
        let Money { minor, currency } = price;
        let increment = currency.increment();
        let is_own = currency == catalog.currency;
        require(!is_own, format!("{item}: `price_cents` is its price in {currency}: remove it from `prices`"));
        require(minor > 0, format!("{item}: needs a price in {currency}"));
        require(
            minor % i64::from(increment) == 0,
            format!("{item}: a price in {currency} is a multiple of {increment} in Stripe's minor units"),
        );
        require(
            is_own || catalog.exchange_rates.contains_key(&currency),
            format!("{item} has a price in {currency}, but `exchange_rates` has no {currency}: add its rate"),
        );
    }
    let own_increment = catalog.currency.increment();
    let own = catalog.plans.iter().map(|plan| plan.price_cents).chain(catalog.packs.iter().map(|it| it.price_cents));
    require(
        own.clone().all(|price| price.is_multiple_of(own_increment)),
        format!("a price in {} is a multiple of {own_increment} in Stripe's minor units", catalog.currency),
    );
    let has_free_plan_a_price = catalog.plans.iter().any(|plan| plan.price_cents == 0 && !plan.prices.is_empty());
    require(!has_free_plan_a_price, "a free plan has no `prices`".into());
    let used = catalog.currencies();
    for currency in catalog.exchange_rates.keys().filter(|it| !used[1..].contains(it)) {
        require(false, format!("exchange_rates: no price is in {currency}: remove its rate"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DEFAULT_CATALOG;

    const RATES: &str = "[exchange_rates]\neur = \"1.08\"\njpy = \"0.0067\"\nkwd = \"3.25\"\n\n[limits.member]";

    /// The default catalog with euro, yen and dinar prices.
    fn text() -> String {
        DEFAULT_CATALOG
            .replacen("price_cents = 14_900", "price_cents = 14_900\nprices = { eur = 13_900, jpy = 22_000 }", 1)
            .replacen("price_cents = 2_900", "price_cents = 2_900\nprices = { eur = 2_680, kwd = 9_000 }", 1)
            .replacen("[limits.member]", RATES, 1)
    }

    fn problem(from: &str, to: &str) -> String {
        assert!(text().contains(from), "`{from}` is not in the catalog");
        Catalog::parse(&text().replacen(from, to, 1)).unwrap_err().to_string()
    }

    #[test]
    fn a_price_is_in_the_wanted_currency_or_in_the_catalogs_own() {
        let catalog = Catalog::parse(&text()).unwrap();
        let [eur, jpy, kwd] = ["eur", "jpy", "kwd"].map(|code| code.parse().unwrap());
        assert_eq!(catalog.currencies(), [Currency::USD, eur, jpy, kwd]);
        let [starter, pro, enterprise] = catalog.plans.as_slice() else { panic!("three plans") };
        let prices = [(pro, eur), (pro, jpy), (pro, kwd), (pro, Currency::USD), (enterprise, eur), (starter, jpy)];
        let texts = prices.map(|(plan, currency)| catalog.plan_price(plan, currency).to_string());
        assert_eq!(texts, ["€139", "¥22,000", "$149", "$149", "$399", "¥0"]);
        assert_eq!(catalog.pack_price(&catalog.packs[0], kwd).to_string(), "KWD 9");
    }

    #[test]
    fn every_price_has_a_margin_in_the_catalogs_own_currency() {
        let margins = Catalog::parse(&text()).unwrap().margins();
        let lines = margins
            .iter()
            .map(|it| format!("{} {} {}", it.what, it.price, it.margin.unwrap_or(super::super::Margin(0))));
        assert_eq!(
            lines.collect::<Vec<_>>(),
            [
                "plan starter $0 0.0 %",
                "plan pro $149 98.6 %",
                "plan enterprise $399 94.9 %",
                "pack booster $29 82.7 %",
                "plan pro in eur €139 98.6 %",
                "plan pro in jpy ¥22,000 98.6 %",
                "pack booster in eur €26.80 82.7 %",
                "pack booster in kwd KWD 9 82.9 %",
            ]
        );
    }

    #[test]
    fn every_kind_of_problem_names_the_price_or_the_rate() {
        for (from, to, part) in [
            (
                "eur = 2_680",
                "eur = 1_900",
                "pack booster in eur: the margin is 75.6 %, 4.4 points under the floor of 80.0 %",
            ),
            ("kwd = \"3.25\"", "kwd = \"2.25\"", "pack booster in kwd: the margin is 75.3 %"),
            ("jpy = \"0.0067\"\n", "", "plan `pro` has a price in jpy, but `exchange_rates` has no jpy"),
            ("jpy = \"0.0067\"", "jpy = \"0.0067\"\nchf = \"1.1\"", "exchange_rates: no price is in chf"),
            ("jpy = \"0.0067\"", "jpy = \"0.0067\"\nusd = \"1\"", "exchange_rates: no price is in usd"),
            ("{ eur = 13_900,", "{ usd = 13_900, eur = 13_900,", "plan `pro`: `price_cents` is its price in usd"),
            ("kwd = 9_000", "kwd = 9_001", "a price in kwd is a multiple of 10"),
            ("kwd = 9_000", "kwd = 0", "pack `booster`: needs a price in kwd"),
            ("price_cents = 0", "price_cents = 0\nprices = { eur = 100 }", "a free plan has no `prices`"),
            ("kwd = 9_000", "KWD = 9_000", "`KWD` is not a currency"),
            ("eur = \"1.08\"", "eur = \"1.0000008\"", "`1.0000008` is not an exchange rate"),
            ("eur = \"1.08\"", "eur = \"-1\"", "`-1` is not an exchange rate"),
            ("eur = \"1.08\"", "eur = \"0\"", "`0` is not an exchange rate"),
            ("eur = \"1.08\"", "eur = \"1.\"", "`1.` is not an exchange rate"),
        ] {
            let text = problem(from, to);
            assert!(text.contains(part), "{from} -> {to}: {text}");
        }
    }

    #[test]
    fn the_catalogs_own_currency_is_us_dollars_unless_it_names_another() {
        let euros = Catalog::parse(&format!("currency = \"eur\"\n{DEFAULT_CATALOG}")).unwrap();
        assert_eq!(euros.plan_price(&euros.plans[1], Currency::USD).to_string(), "€149");
        let dollars = Catalog::parse(DEFAULT_CATALOG).unwrap();
        assert_eq!((dollars.currency, dollars.currencies()), (Currency::USD, vec![Currency::USD]));
        let dinars = format!("currency = \"kwd\"\n{DEFAULT_CATALOG}").replacen("= 2_900", "= 2_905", 1);
        let problem = Catalog::parse(&dinars).unwrap_err().to_string();
        assert!(problem.contains("a price in kwd is a multiple of 10"), "{problem}");
    }
}
