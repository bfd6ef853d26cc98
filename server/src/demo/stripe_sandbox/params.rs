//! What a call says: a form whose fields have brackets in their names. Whatever is not known is refused, as Stripe does: a
//! parameter that was misspelled must not pass unseen.

use std::{collections::BTreeMap, mem, ops::RangeInclusive};

use super::rest::ApiError;

pub(super) struct Params(BTreeMap<String, String>);

impl Params {
    pub(super) fn parse(body: &[u8]) -> Result<Self, ApiError> {
        let fields: Vec<(String, String)> =
            serde_urlencoded::from_bytes(body).map_err(|_| ApiError::invalid("The body is no form."))?;
        Ok(Self(fields.into_iter().collect()))
    }

    pub(super) fn take(&mut self, name: &str) -> Option<String> {
        self.0.remove(name).filter(|value| !value.is_empty())
    }

    /// All `name[…]`.
    pub(super) fn take_map(&mut self, name: &str) -> BTreeMap<String, String> {
        let mut map = BTreeMap::new();
        self.0.retain(|param, value| {
            let Some(key) = key_of(param, name) else { return true };
            map.insert(key.to_owned(), mem::take(value));
            false
        });
        map
    }

    /// Nothing may be left.
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

pub(super) fn whole(param: &str, value: &str, range: &RangeInclusive<u64>) -> Result<u64, ApiError> {
    let number: Option<u64> = value.parse().ok().filter(|number| range.contains(number));
    number.ok_or_else(|| {
        let message = format!("{param} must be a whole number from {} to {}.", range.start(), range.end());
        ApiError::param(param, "parameter_invalid_integer", message)
    })
}

/// An address that a browser can be sent to.
pub(super) fn address(param: &str, value: String) -> Result<String, ApiError> {
    let is_web = value.starts_with("https://") || value.starts_with("http://");
    if !is_web || !value.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(ApiError::param(param, "url_invalid", format!("{param} is no address.")));
    }
    Ok(value)
}

fn key_of<'a>(param: &'a str, name: &str) -> Option<&'a str> {
    let key = param.strip_prefix(name)?.strip_prefix('[')?.strip_suffix(']')?;
    (!key.is_empty() && !key.contains(['[', ']'])).then_some(key)
}
