//! A confirmation dialog for actions that can't be undone.

use leptos::prelude::*;

/// A button that opens a confirmation dialog with a form. It needs no script. In a browser without popovers the dialog
/// is part of the page.
#[component]
pub fn Confirm(
    /// The dialog's element id.
    #[prop(into)]
    id: String,
    /// The label of the button that opens the dialog.
    button: &'static str,
    /// The question.
    title: &'static str,
    /// The consequence of confirming.
    #[prop(into)]
    consequence: String,
    /// The URL that the form is posted to.
    #[prop(into)]
    action: String,
    /// The label of the button that confirms.
    confirm: &'static str,
    /// The name and value of a hidden field.
    #[prop(optional, into)]
    field: Option<(&'static str, String)>,
) -> impl IntoView {
    let (name, text) = (format!("{id}-title"), format!("{id}-text"));
    view! {
        <button type="button" class="btn btn-quiet" popovertarget=id.clone()>
            {button}
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
                    {confirm}
                </button>
                <button type="button" class="btn btn-quiet" popovertarget=id.clone() popovertargetaction="hide" autofocus=true>
                    "Cancel"
                </button>
            </form>
        </div>
    }
}
