//! Request parameters: a form with bracketed names. Unknown parameters are rejected, as at Stripe, so that a misspelled
//! one doesn't go unnoticed.

use std::{collections::BTreeMap, mem, ops::RangeInclusive};

use super::{error::ApiError, money::is_currency};

/// The amounts that Stripe accepts, in cents.
pub(super) const AMOUNT_CENTS: RangeInclusive<u64> = 50..=99_999_999;

pub(super) struct Params(BTreeMap<String, String>);

impl Params {
    pub(super) fn parse(body: &[u8]) -> Result<Self, ApiError> {
        let fields: Vec<(String, String)> =
            serde_urlencoded::from_bytes(body).map_err(|_| ApiError::invalid("The body isn't a valid form."))?;
        Ok(Self(fields.into_iter().collect()))
    }

    pub(super) fn take(&mut self, name: &str) -> Option<String> {
        self.0.remove(name).filter(|value| !value.is_empty())
    }

    /// Takes a tax behavior. The sandbox adds taxes to every price.
    pub(super) fn take_exclusive(&mut self, param: &'static str) -> Result<(), ApiError> {
        match self.take(param).as_deref() {
            None | Some("exclusive") => Ok(()),
            Some(_) => Err(ApiError::choices(param, "exclusive")),
        }
    }

    /// Whether there is a parameter `name` or `name[…]`.
    pub(super) fn contains(&self, name: &str) -> bool {
        self.0.keys().any(|param| param == name || key_of(param, name).is_some())
    }

    /// Takes all parameters `name[…]`.
    pub(super) fn take_map(&mut self, name: &str) -> BTreeMap<String, String> {
        let mut map = BTreeMap::new();
        self.0.retain(|param, value| {
            let Some(key) = key_of(param, name) else { return true };
            map.insert(key.to_owned(), mem::take(value));
            false
        });
        map
    }

    /// Rejects the parameters that were not taken.
    pub(super) fn finish(self) -> Result<(), ApiError> {
        match self.0.into_keys().next() {
            None => Ok(()),
            Some(param) => {
                Err(ApiError::param(&param, "parameter_unknown", format!("Received unknown parameter: {param}")))
            }
        }
    }
}

pub(super) fn required(param: &str, value: Option<String>) -> Result<String, ApiError> {
    value.ok_or_else(|| ApiError::param(param, "parameter_missing", format!("Missing required param: {param}.")))
}

pub(super) fn whole_number(param: &str, value: &str, range: &RangeInclusive<u64>) -> Result<u64, ApiError> {
    let number: Option<u64> = value.parse().ok().filter(|number| range.contains(number));
    number.ok_or_else(|| {
        let message = format!("{param} must be a whole number from {} to {}.", range.start(), range.end());
        ApiError::param(param, "parameter_invalid_integer", message)
    })
}

/// Checks that a value is a currency code.
pub(super) fn currency_code(param: &str, value: String) -> Result<String, ApiError> {
    if is_currency(&value) {
        return Ok(value);
    }
    Err(ApiError::param(param, "parameter_invalid", format!("Invalid currency: {value}.")))
}

/// Checks that a value is true or false.
pub(super) fn boolean(param: &str, value: &str) -> Result<bool, ApiError> {
    value.parse().map_err(|_| ApiError::choices(param, "true or false"))
}

/// Checks that a value is an http or https URL.
pub(super) fn web_url(param: &str, value: String) -> Result<String, ApiError> {
    let is_http = value.starts_with("https://") || value.starts_with("http://");
    if !is_http || !value.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(ApiError::param(param, "url_invalid", format!("{param} must be an http or https URL.")));
    }
    Ok(value)
}

fn key_of<'a>(param: &'a str, name: &str) -> Option<&'a str> {
    let key = param.strip_prefix(name)?.strip_prefix('[')?.strip_suffix(']')?;
    (!key.is_empty() && !key.contains(['[', ']'])).then_some(key)
}
