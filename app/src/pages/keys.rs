//! `/keys`: the organization's API keys.

use brightmeter::access::api_key::Scope;
use leptos::prelude::*;

use crate::{
    components::{Confirm, Date, ErrorSummary, Field, Frame, Section, Time, described_by, load},
    form::{Form, NewSecret},
    views::{ApiKeyState, ApiKeyView, ApiKeysView, Viewer},
};

/// The lifetimes to choose from: days and label. Empty: never expires.
const LIFETIMES: [(&str, &str); 4] = [("", "Never"), ("30", "In 30 days"), ("90", "In 90 days"), ("365", "In 1 year")];

/// The organization's API keys and a form to create one.
#[component]
pub fn KeysPage() -> impl IntoView {
    let form = Form::current();
    let secret = use_context::<NewSecret>();
    load(
        |backend, who| async move { backend.keys(&who).await },
        |viewer, view| view! { <ApiKeys viewer view form secret /> }.into_any(),
    )
}

#[component]
fn ApiKeys(viewer: Viewer, view: ApiKeysView, form: Form, secret: Option<NewSecret>) -> impl IntoView {
    let ApiKeysView { keys, new_id } = view;
    let title = if secret.is_some() { "API key created · API keys" } else { "API keys" };
    let list = match keys.is_empty() {
        true => view! {
            <div class="empty">
                <p class="font-medium text-ink">"No API keys yet"</p>
                <p class="mt-1">"Create one to let your service check, spend and hold tokens."</p>
            </div>
        }
        .into_any(),
        false => {
            view! { <ul class="grid gap-3">{keys.into_iter().map(|key| view! { <Key key /> }).collect_view()}</ul> }
                .into_any()
        }
    };
    view! {
        <Frame viewer section=Section::ApiKeys title>
            <h1 class="text-3xl font-semibold tracking-tight">"API keys"</h1>
            <p class="mt-1 max-w-2xl text-muted">
                "Your services use API keys to meter usage through the REST API. " <a class="link" href="/api/docs">
                    "Read the docs"
                </a>
            </p>
            {secret.map(|NewSecret(secret)| view! { <Secret secret /> })}
            <KeyForm form new_id />
            <section class="mt-12" aria-labelledby="list">
                <h2 id="list" class="mb-4 text-lg font-semibold">
                    "Your organization's API keys"
                </h2>
                {list}
            </section>
        </Frame>
    }
}

/// The secret of a new API key. It is shown only once.
#[component]
fn Secret(secret: String) -> impl IntoView {
    view! {
        <section role="status" class="notice notice-good mt-6" aria-labelledby="secret-title">
            <h2 id="secret-title" class="font-semibold">
                "Copy this API key now. You won't see it again"
            </h2>
            <label for="secret" class="mt-2 block text-sm">
                "API key"
            </label>
            <input id="secret" class="control mt-1 font-mono" readonly=true value=secret autocomplete="off" spellcheck="false" />
            <p class="mt-2 text-sm">"Store it with your service's other secrets. Anyone who has it can act for your organization."</p>
        </section>
    }
}

#[component]
fn KeyForm(form: Form, new_id: String) -> impl IntoView {
    let problem = form.problem("name");
    let name = form.value("name");
    let (chosen, lifetime) = (form.value("scope"), form.value("days"));
    let scopes = Scope::ALL.map(|scope| {
        let value = scope.as_str();
        let selected = if chosen.is_empty() { scope == Scope::Spend } else { chosen == value };
        view! {
            <option value=value selected=selected>
                {scope_label(value)}
            </option>
        }
    });
    let days = LIFETIMES.map(|(value, label)| {
        view! {
            <option value=value selected=value == lifetime>
                {label}
            </option>
        }
    });
    view! {
        <form method="post" action="/keys" class="card mt-6 grid gap-4" aria-labelledby="create">
            <h2 id="create" class="text-lg font-semibold">
                "Create an API key"
            </h2>
            <ErrorSummary form fields=&["name"] />
            <input type="hidden" name="id" value=new_id autocomplete="off" />
            <div class="grid items-end gap-4 sm:grid-cols-3">
                <Field name="name" label="Name" hint="What you'll use it for." problem=problem.clone()>
                    <input
                        id="name"
                        name="name"
                        class="control"
                        required=true
                        maxlength="100"
                        value=name
                        aria-describedby=described_by("name", true, problem.is_some())
                        aria-invalid=problem.is_some().then_some("true")
                    />
                </Field>
                <Field name="scope" label="Permission" problem=None>
                    <select id="scope" name="scope" class="control">
                        {scopes.collect_view()}
                    </select>
                </Field>
                <Field name="days" label="Expires" problem=None>
                    <select id="days" name="days" class="control">
                        {days.collect_view()}
                    </select>
                </Field>
            </div>
            <p>
                <button type="submit" class="btn">
                    "Create key"
                </button>
            </p>
        </form>
    }
}

#[component]
fn Key(key: ApiKeyView) -> impl IntoView {
    let ApiKeyView { id, name, shown, scope, created_at, last_used_at, state } = key;
    let active = matches!(state, ApiKeyState::Active { .. });
    let state = match state {
        ApiKeyState::Active { until: None } => view! { <span>"never expires"</span> }.into_any(),
        ApiKeyState::Active { until: Some(when) } => view! { <span>"expires on " <Date when /></span> }.into_any(),
        ApiKeyState::Expired { at } => {
            view! { <span class="text-warn">"expired on " <Date when=at /></span> }.into_any()
        }
        ApiKeyState::Revoked { at } => {
            view! { <span class="text-warn">"revoked on " <Date when=at /></span> }.into_any()
        }
    };
    let used = match last_used_at {
        Some(when) => view! { <span>"last used " <Time when /></span> }.into_any(),
        None => view! { <span>"never used"</span> }.into_any(),
    };
    let consequence = format!("Services that use “{name}” will be refused immediately. This can't be undone.");
    view! {
        <li class="card flex flex-wrap items-start justify-between gap-4">
            <div class="min-w-0">
                <h3 class="font-medium wrap-anywhere">{name}</h3>
                <p class="mt-1 font-mono text-sm text-muted">{format!("{shown}…")}</p>
                <ul class="mt-2 flex flex-wrap gap-x-4 gap-y-1 text-sm text-muted">
                    <li>{scope_label(&scope)}</li>
                    <li>{state}</li>
                    <li>{used}</li>
                    <li>"created on " <Date when=created_at /></li>
                </ul>
            </div>
            {active
                .then(|| {
                    view! {
                        <div>
                            <Confirm
                                id=format!("revoke-{id}")
                                button="Revoke"
                                title="Revoke this API key?"
                                consequence
                                action="/keys/revoke"
                                confirm="Yes, revoke it"
                                field=("id", id)
                            />
                        </div>
                    }
                })}
        </li>
    }
}

fn scope_label(scope: &str) -> &'static str {
    match scope {
        "read" => "Read only",
        "spend" => "Read and spend",
        _ => "Full access",
    }
}
