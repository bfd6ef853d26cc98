//! `/api/docs`: the REST API documentation, rendered from the OpenAPI document.

use std::sync::Arc;

use axum::http::{header::HOST, request::Parts};
use leptos::prelude::*;

use crate::{
    backend::backend,
    components::{Frame, Section},
    views::api_docs::{ApiAnswer, ApiCall, ApiDocs, ApiField, ApiGroup, ApiProblem},
};

/// The API documentation: a quickstart, every call, and every error code.
#[component]
pub fn ApiDocsPage() -> impl IntoView {
    let docs = use_context::<Arc<ApiDocs>>().map(|docs| docs.as_ref().clone());
    let viewer = backend().ok().map(|(_, who)| who.viewer);
    let host = use_context::<Parts>().and_then(|parts| parts.headers.get(HOST)?.to_str().ok().map(str::to_owned));
    let docs = docs.unwrap_or(ApiDocs { https: false, groups: Vec::new(), problems: Vec::new() });
    let scheme = if docs.https { "https" } else { "http" };
    let origin = format!("{scheme}://{}", host.unwrap_or_else(|| "localhost".into()));
    let contents = docs.groups.iter().flat_map(|group| &group.calls).map(|call| {
        view! {
            <li>
                <a class="link" href=format!("#{}", call.id)>
                    {call.summary.clone()}
                </a>
            </li>
        }
    });
    let contents = contents.collect_view();
    view! {
        <Frame viewer section=Section::Other title="REST API">
            <h1 class="text-3xl font-semibold tracking-tight">"REST API"</h1>
            <p class="mt-1 max-w-2xl text-muted">
                "Meter a feature: check and deduct, or hold, run and capture. Every refusal says why, until when, and what to do."
            </p>
            <Quickstart origin />
            <nav class="mt-10" aria-label="Calls">
                <ul class="flex flex-wrap gap-x-5 gap-y-1">
                    {contents} <li>
                        <a class="link" href="#problems">
                            "Errors"
                        </a>
                    </li> <li>
                        <a class="link" href="/api/openapi.json">
                            "OpenAPI document"
                        </a>
                    </li>
                </ul>
            </nav>
            {docs.groups.into_iter().map(|group| view! { <Group group /> }).collect_view()}
            <Problems problems=docs.problems />
        </Frame>
    }
}

#[component]
fn Quickstart(origin: String) -> impl IntoView {
    let variables = format!("BRIGHTMETER={origin}\nKEY=bm_…");
    view! {
        <section class="card mt-8 grid gap-4" aria-labelledby="start">
            <h2 id="start" class="text-lg font-semibold">
                "Get started in five minutes"
            </h2>
            <ol class="min-w-0 list-decimal space-y-4 pl-5">
                <li>
                    <p>
                        "Create an API key on " <a class="link" href="/keys">
                            "API keys"
                        </a> " (as an owner or admin), then set these variables:"
                    </p>
                    <pre class="code" tabindex="0">{variables}</pre>
                </li>
                <li>
                    <p>"Make a call. You can copy and run every example on this page."</p>
                    <pre class="code" tabindex="0">
                        "curl \"$BRIGHTMETER/api/v1/tokens/check-balance?feature=quest_generation\" \\\n  -H \"Authorization: Bearer $KEY\""
                    </pre>
                </li>
                <li>
                    "Send a unique " <code>"Idempotency-Key"</code>
                    " with every request that moves tokens. If you don't know the outcome, send the request again with the same key: it runs once, and you get the same answer."
                </li>
                <li>
                    "For work that can fail, open a hold, do the work, then capture the hold. A hold that isn't captured expires, and nothing is charged."
                </li>
            </ol>
        </section>
    }
}

#[component]
fn Group(group: ApiGroup) -> impl IntoView {
    let ApiGroup { name, description, calls } = group;
    view! {
        <section class="mt-12">
            <h2 class="text-2xl font-semibold tracking-tight">{name}</h2>
            <p class="mt-1 text-muted">{description}</p>
            <div class="mt-5 grid gap-5">{calls.into_iter().map(|call| view! { <Call call /> }).collect_view()}</div>
        </section>
    }
}

#[component]
fn Call(call: ApiCall) -> impl IntoView {
    let ApiCall { id, method, path, summary, description, fields, answers, curl } = call;
    let name = format!("{id}-title");
    view! {
        <section id=id.clone() class="card grid gap-4" aria-labelledby=name.clone()>
            <div>
                <h3 id=name.clone() class="text-lg font-semibold">
                    {summary}
                </h3>
                <p class="mt-1 font-mono text-sm wrap-anywhere">
                    <span class="font-semibold">{method}</span>
                    " "
                    {path}
                </p>
                <p class="mt-2 max-w-3xl">
                    <Marked text=description />
                </p>
            </div>
            <pre class="code" tabindex="0">{curl}</pre>
            {(!fields.is_empty()).then(|| view! { <Fields fields /> })}
            <Answers answers />
        </section>
    }
}

/// Text of the document, with parts in backticks rendered as code.
#[component]
fn Marked(text: String) -> impl IntoView {
    let parts = text.split('`').map(str::to_owned).enumerate().map(|(index, part)| match index % 2 {
        0 => part.into_any(),
        _ => view! { <code>{part}</code> }.into_any(),
    });
    parts.collect_view()
}

#[component]
fn Fields(fields: Vec<ApiField>) -> impl IntoView {
    let items = fields.into_iter().map(|field| {
        let ApiField { name, place, kind, required, description } = field;
        let need = if required { "required" } else { "optional" };
        view! {
            <div>
                <dt>
                    <code class="font-semibold">{name}</code>
                    <span class="text-sm text-muted">{format!(" {place}, {need}; {kind}")}</span>
                </dt>
                <dd class="text-sm">
                    <Marked text=description />
                </dd>
            </div>
        }
    });
    view! { <dl class="grid gap-3 border-t border-line pt-4">{items.collect_view()}</dl> }
}

#[component]
fn Answers(answers: Vec<ApiAnswer>) -> impl IntoView {
    let items = answers.into_iter().map(|ApiAnswer { status, description }| {
        view! {
            <div class="flex gap-3">
                <dt class="font-mono text-sm font-semibold">{status}</dt>
                <dd class="text-sm text-muted">
                    <Marked text=description />
                </dd>
            </div>
        }
    });
    view! { <dl class="grid gap-1 border-t border-line pt-4">{items.collect_view()}</dl> }
}

#[component]
fn Problems(problems: Vec<ApiProblem>) -> impl IntoView {
    let items = problems.into_iter().map(|ApiProblem { code, status, title, fix }| {
        let id = code.clone();
        view! {
            <div id=id>
                <dt>
                    <code class="font-semibold">{code}</code>
                    <span class="text-sm text-muted">{format!(" {status}, {title}")}</span>
                </dt>
                <dd class="text-sm">{fix}</dd>
            </div>
        }
    });
    view! {
        <section class="mt-12" aria-labelledby="problems">
            <h2 id="problems" class="text-2xl font-semibold tracking-tight">
                "Errors"
            </h2>
            <p class="mt-1 max-w-2xl text-muted">
                "Errors are returned as problem details (RFC 9457). A code never changes its meaning. A refusal also says which limit applied, what remains, and when it ends."
            </p>
            <dl class="mt-5 grid gap-4 md:grid-cols-2">{items.collect_view()}</dl>
        </section>
    }
}
