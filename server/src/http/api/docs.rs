//! The OpenAPI document as `/api/docs` shows it.

use app::views::api_docs::{ApiAnswer, ApiCall, ApiDocs, ApiField, ApiGroup, ApiProblem};
use serde_json::{Map, Value};

use super::openapi::ROOT;
use crate::http::problem::kinds::KINDS;

/// Converts `document` for the page. `https`: whether browsers reach this server by HTTPS.
pub(super) fn view(document: &Value, https: bool) -> ApiDocs {
    let tags = document["tags"].as_array().into_iter().flatten();
    let groups = tags.map(|tag| {
        let name = text(&tag["name"]);
        let calls = calls(document).filter(|(_, _, call)| call["tags"][0] == tag["name"]);
        ApiGroup {
            description: text(&tag["description"]),
            calls: calls.map(|(method, path, call)| self::call(document, method, path, call)).collect(),
            name,
        }
    });
    let problems = KINDS.iter().map(|kind| ApiProblem {
        code: kind.code.into(),
        status: kind.status.as_u16(),
        title: kind.title.into(),
        fix: kind.fix.into(),
    });
    ApiDocs { https, groups: groups.collect(), problems: problems.collect() }
}

fn calls(document: &Value) -> impl Iterator<Item = (&String, &String, &Value)> {
    let paths = document["paths"].as_object().into_iter().flatten();
    paths
        .flat_map(|(path, item)| item.as_object().into_iter().flatten().map(move |(method, call)| (method, path, call)))
}

fn call(document: &Value, method: &str, path: &str, call: &Value) -> ApiCall {
    let body = &resolve(document, &call["requestBody"]["content"]["application/json"]["schema"]);
    let parameters = call["parameters"].as_array().into_iter().flatten().map(|parameter| ApiField {
        name: text(&parameter["name"]),
        place: text(&parameter["in"]),
        kind: kind(&parameter["schema"]),
        required: parameter["required"] == true,
        description: text(&parameter["description"]),
    });
    let required = body["required"].as_array().cloned().unwrap_or_default();
    let fields = properties(body).map(|(name, schema)| ApiField {
        name: name.clone(),
        place: "body".into(),
        kind: kind(schema),
        required: required.iter().any(|required| required == name),
        description: text(&schema["description"]),
    });
    let mut fields: Vec<ApiField> = parameters.chain(fields).collect();
    // Required fields first. The sort is stable, so otherwise the document's order remains.
    fields.sort_by_key(|field| !field.required);
    let answers = call["responses"].as_object().into_iter().flatten();
    ApiCall {
        id: text(&call["operationId"]),
        method: method.to_uppercase(),
        path: format!("{ROOT}{path}"),
        summary: text(&call["summary"]),
        description: text(&call["description"]),
        fields,
        answers: answers
            .map(|(status, answer)| ApiAnswer { status: status.clone(), description: text(&answer["description"]) })
            .collect(),
        curl: curl(method, path, call, body),
    }
}

/// Returns the curl command for the call, with the document's examples. The reader has set `$BRIGHTMETER` and `$KEY`.
fn curl(method: &str, path: &str, call: &Value, body: &Value) -> String {
    let parameters = || call["parameters"].as_array().into_iter().flatten();
    let query: Vec<String> = parameters()
        .filter(|parameter| parameter["in"] == "query" && parameter["required"] == true)
        .map(|parameter| format!("{}={}", text(&parameter["name"]), text(&parameter["example"])))
        .collect();
    let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
    let path = path.replace("{id}", "$HOLD");
    let mut line = format!("curl \"$BRIGHTMETER{ROOT}{path}{query}\" \\\n  -H \"Authorization: Bearer $KEY\"");
    if method == "post" {
        let examples = properties(body).filter_map(|(name, schema)| {
            let example =
                schema.get("example").filter(|example| !example.is_null() && **example != Value::Bool(false))?;
            Some((name.clone(), example.clone()))
        });
        let mut examples: Map<String, Value> = examples.collect();
        if examples.is_empty() && body["properties"].get("transaction_id").is_some() {
            examples.insert("transaction_id".into(), "$TRANSACTION".into());
        }
        let header = parameters().find(|parameter| parameter["name"] == "Idempotency-Key");
        let idempotency_key = header.map(|parameter| text(&parameter["example"])).unwrap_or_default();
        line += &format!(" \\\n  -H \"Idempotency-Key: {idempotency_key}\" \\\n  --json '{}'", Value::Object(examples));
    }
    line
}

/// Follows the schema's `$ref`, if it has one.
fn resolve<'d>(document: &'d Value, schema: &'d Value) -> &'d Value {
    let name = schema["$ref"].as_str().and_then(|reference| reference.strip_prefix("#/components/schemas/"));
    name.map_or(schema, |name| &document["components"]["schemas"][name])
}

fn properties(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    schema["properties"].as_object().into_iter().flatten()
}

/// Describes a schema's type and range, such as `integer, 1 to 10000`.
fn kind(schema: &Value) -> String {
    let mut words = match &schema["type"] {
        Value::Array(types) => text(types.iter().find(|kind| *kind != "null").unwrap_or(&Value::Null)),
        other => text(other),
    };
    if let Some(format) = schema["format"].as_str().filter(|format| ["uuid", "date", "date-time"].contains(format)) {
        words = format.into();
    }
    if let Some(name) = schema["$ref"].as_str().filter(|_| words.is_empty()) {
        words = if name.ends_with("GroupBy") { "day, feature or member".into() } else { "object".into() };
    }
    match (schema["minimum"].as_i64(), schema["maximum"].as_i64()) {
        (Some(least), Some(most)) => format!("{words}, {least} to {most}"),
        _ => words,
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| if value.is_null() { String::new() } else { value.to_string() }, str::to_owned)
}
