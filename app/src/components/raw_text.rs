//! The two places where Leptos writes text unescaped: the content of a `<textarea>` and the document's title. Everything
//! that a user may have typed goes through these components.

use leptos::prelude::*;
use leptos_meta::Title;

/// The document's title.
#[component]
pub fn DocumentTitle(
    /// The text.
    text: String,
) -> impl IntoView {
    view! { <Title text=escape(&text) /> }
}

/// A multi-line text field, to be put into a [`Field`](crate::components::Field).
#[component]
pub fn TextArea(
    /// The `id` and `name`.
    name: &'static str,
    /// The text.
    value: String,
    /// The number of lines.
    rows: &'static str,
    /// The maximum length, in characters.
    max_chars: usize,
    /// The `aria-describedby`.
    described_by: Option<String>,
    /// Whether the value is invalid.
    invalid: bool,
) -> impl IntoView {
    view! {
        <textarea
            id=name
            name=name
            class="control min-h-24"
            rows=rows
            required=true
            maxlength=max_chars.to_string()
            aria-describedby=described_by
            aria-invalid=invalid.then_some("true")
        >
            {escape(&value)}
        </textarea>
    }
}

/// Escapes text for an element that may contain text only. A quotation mark has no meaning there.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn text_cannot_end_its_element_or_become_a_reference() {
        for (text, escaped) in [
            ("plain \"text\"", "plain \"text\""),
            ("</textarea><meta>", "&lt;/textarea&gt;&lt;meta&gt;"),
            ("x &lt; y", "x &amp;lt; y"),
            ("", ""),
        ] {
            assert_eq!(escape(text), escaped);
        }
    }
}
