//! The catalog's parser.

use brightmeter::catalog::Catalog;
use serde_json::{Value, json};

/// A catalog that is accepted keeps the margin floor and survives being written and parsed again. One that is refused has a
/// reason on one line.
pub fn catalog(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    let parsed = Catalog::parse(text);
    assert_eq!(parsed, Catalog::parse(text));
    match parsed {
        Ok(catalog) => {
            let floor = catalog.margin_floor();
            assert!(catalog.margins().iter().all(|line| line.margin.is_none_or(|margin| margin >= floor)));
            assert!(catalog.free_plan().is_some_and(|plan| plan.price_cents == 0));
            for feature in &catalog.features {
                assert!(
                    catalog.plan(&feature.from_plan).is_some() && catalog.token_type(&feature.token_type).is_some()
                );
            }
            for plan in &catalog.plans {
                let _ = catalog.cheapest_cover(&plan.allowance);
            }
            assert_eq!(Catalog::parse(&written(&catalog)), Ok(catalog));
        }
        Err(error) => {
            let text = error.to_string();
            assert!(!error.0.is_empty() && !text.is_empty() && !text.contains(char::is_control), "{text:?}");
        }
    }
}

/// The catalog as TOML.
fn written(catalog: &Catalog) -> String {
    let fields = json!({
        "currency": catalog.currency,
        "exchange_rates": catalog.exchange_rates,
        "automatic_tax": catalog.automatic_tax,
        "margin_floor_permille": catalog.margin_floor_permille,
        "token_types": catalog.token_types,
        "plans": catalog.plans,
        "features": catalog.features,
        "packs": catalog.packs,
        "ladder": catalog.ladder,
        "limits": { "member": catalog.member_limits, "key": catalog.key_limits },
        "holds": catalog.holds,
    });
    let fields = fields.as_object().into_iter().flatten();
    fields.map(|(name, value)| format!("{name} = {}\n", toml(value))).collect()
}

/// JSON as a TOML value. TOML has no null and no unescaped delete character.
fn toml(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", items.iter().map(toml).collect::<Vec<_>>().join(", ")),
        Value::Object(fields) => {
            let fields = fields.iter().filter(|(_, value)| !value.is_null());
            let fields: Vec<String> = fields.map(|(name, value)| format!("{name} = {}", toml(value))).collect();
            format!("{{{}}}", fields.join(", "))
        }
        other => other.to_string().replace('\u{7f}', "\\u007f"),
    }
}
