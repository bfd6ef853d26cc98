//! A question before something that cannot be undone.

use leptos::prelude::*;

/// A button that asks first, and the form that is sent by whoever is sure. It needs no script; where a browser knows no popovers
/// the question stands on the page.
#[component]
pub fn Confirm(
    /// The dialog's id.
    #[prop(into)]
    id: String,
    /// The button that asks.
    ask: &'static str,
    /// The question.
    title: &'static str,
    /// What will be so afterwards.
    #[prop(into)]
    consequence: String,
    /// Where the form is sent to.
    action: &'static str,
    /// The button that does it.
    sure: &'static str,
    /// A field of the form, and its value.
    #[prop(optional, into)]
    field: Option<(&'static str, String)>,
) -> impl IntoView {
    let (name, text) = (format!("{id}-title"), format!("{id}-text"));
    view! {
        <button type="button" class="btn btn-quiet" popovertarget=id.clone()>
            {ask}
        </button>
        <div id=id.clone() popover="auto" role="dialog" class="dialog" aria-labelledby=name.clone() aria-describedby=text.clone()>
            <h3 id=name.clone() class="text-lg font-semibold">
                {title}
            </h3>
            <p id=text.clone() class="mt-2 text-muted">
                {consequence}
            </p>
            <form method="post" action=action class="mt-5 flex flex-wrap gap-3">
                {field.map(|(name, value)| view! { <input type="hidden" name=name value=value /> })}
                <button type="submit" class="btn btn-bad">
                    {sure}
                </button>
                <button type="button" class="btn btn-quiet" popovertarget=id.clone() popovertargetaction="hide" autofocus=true>
                    "Cancel"
                </button>
            </form>
        </div>
    }
}
