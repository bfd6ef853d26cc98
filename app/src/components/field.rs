//! Form fields: label, hint and validation error, linked by `aria-describedby`.

use leptos::prelude::*;

use crate::{components::ErrorNotice, error::AppError, form::Form};

/// A label, hint and error around one control whose `id` is `name`.
#[component]
pub fn Field(
    /// The control's `id` and `name`.
    name: &'static str,
    /// The label.
    label: &'static str,
    /// The hint below the label. Empty: no hint.
    #[prop(optional, into)]
    hint: String,
    /// The validation error.
    problem: Option<String>,
    /// The control.
    children: Children,
) -> impl IntoView {
    view! {
        <div class="flex flex-col gap-1">
            <label for=name class="text-sm font-medium">
                {label}
            </label>
            {(!hint.is_empty()).then(|| view! { <p id=format!("{name}-hint") class="text-sm text-muted">{hint}</p> })}
            {problem.map(|problem| view! { <p id=format!("{name}-error") class="problem">{problem}</p> })}
            {children()}
        </div>
    }
}

/// Returns the `aria-describedby` of a control in a [`Field`], or `None` if the field has neither hint nor error.
pub fn described_by(name: &str, hint: bool, problem: bool) -> Option<String> {
    let ids: Vec<String> = [(hint, "hint"), (problem, "error")]
        .iter()
        .filter(|(present, _)| *present)
        .map(|(_, id)| format!("{name}-{id}"))
        .collect();
    (!ids.is_empty()).then(|| ids.join(" "))
}

/// All errors of a posted form, with links to the fields.
#[component]
pub fn ErrorSummary(
    /// The form.
    form: Form,
    /// The names of the fields on the page. Errors of other fields are shown without a link.
    fields: &'static [&'static str],
) -> impl IntoView {
    match form.error {
        Some(AppError::Invalid { fields: problems }) if !problems.is_empty() => {
            let items = problems.into_iter().map(|(field, message)| {
                let message = if fields.contains(&field.as_str()) {
                    view! { <a class="underline" href=format!("#{field}")>{message}</a> }.into_any()
                } else {
                    message.into_any()
                };
                view! { <li>{message}</li> }
            });
            view! {
                <div role="alert" class="notice notice-bad">
                    <ul>{items.collect_view()}</ul>
                </div>
            }
            .into_any()
        }
        Some(error) => view! { <ErrorNotice error /> }.into_any(),
        None => ().into_any(),
    }
}
