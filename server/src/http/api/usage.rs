//! The use of a feature, as the bodies of `deduct` and `holds` describe it.

use brightmeter::{
    command::{Metadata, Usage},
    ids::MemberId,
    names::FeatureName,
    quantity::Quantity,
};
use serde_json::{Map, Value};

use super::authorize::ApiCaller;
use crate::http::problem::Problem;

/// Builds the usage from the fields of a body.
///
/// # Errors
/// [`Problem::Invalid`] if the metadata is too large, or the caller may not act for `member`.
pub(super) fn usage(
    caller: &ApiCaller,
    feature: FeatureName,
    quantity: Option<Quantity>,
    member: Option<MemberId>,
    metadata: Option<Map<String, Value>>,
) -> Result<Usage, Problem> {
    let metadata = metadata.map(|object| Metadata::try_from(Value::Object(object).to_string())).transpose();
    let metadata = metadata.map_err(|error| Problem::on("metadata", error.to_string()))?;
    let caller = caller.acting_for(member)?;
    Ok(Usage { caller, feature, quantity: quantity.unwrap_or(Quantity::ONE), metadata })
}
