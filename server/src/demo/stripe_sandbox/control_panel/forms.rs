//! The control panel's forms. Each one posts an action with the id of its object.

use crate::demo::stripe_sandbox::html::escape;

/// A form with one button. `value` says what the action does, if it has several variants.
pub(super) fn button(mount: &str, action: &str, id: &str, value: &str, label: &str) -> String {
    let value = format!(r#"<input type="hidden" name="value" value="{}">"#, escape(value));
    form(mount, action, id, &(value + &submit_button(label, id)))
}

/// A submit button. Screen readers also read the id, which tells equal labels apart.
pub(super) fn submit_button(label: &str, id: &str) -> String {
    format!(r#"<button>{label}<span class="unseen"> {}</span></button>"#, escape(id))
}

pub(super) fn form(mount: &str, action: &str, id: &str, fields: &str) -> String {
    let id = escape(id);
    format!(
        r#"<form method="post" action="{mount}/actions">
<input type="hidden" name="action" value="{action}"><input type="hidden" name="id" value="{id}">{fields}
</form>
"#
    )
}

/// A number field.
pub(super) fn number(label: &str, name: &str, least: u64, most: u64, value: u64) -> String {
    format!(
        r#"<label>{label}
<input type="number" name="{name}" min="{least}" max="{most}" value="{value}" inputmode="numeric"></label>
"#
    )
}

/// A text field.
pub(super) fn text(label: &str, name: &str, value: &str) -> String {
    format!("<label>{label}\n<input name=\"{name}\" value=\"{}\"></label>\n", escape(value))
}

/// A list to choose from: values with their labels.
pub(super) fn select(label: &str, name: &str, all: impl IntoIterator<Item = (String, String)>) -> String {
    let option =
        |(value, label): (String, String)| format!(r#"<option value="{}">{}</option>"#, escape(&value), escape(&label));
    let options: String = all.into_iter().map(option).collect();
    format!("<label>{label}\n<select name=\"{name}\">{options}</select></label>\n")
}

pub(super) fn radio_form<T: Copy + PartialEq>(
    mount: &str,
    action: &str,
    legend: &str,
    all: &[(T, &str, &str)],
    chosen: T,
) -> String {
    let radio = |&(choice, value, label): &(T, &str, &str)| {
        let checked = if choice == chosen { " checked" } else { "" };
        format!(r#"<label><input type="radio" name="value" value="{value}"{checked}> {label}</label>"#)
    };
    let radios: String = all.iter().map(radio).collect();
    let fields = format!(
        r#"<fieldset><legend>{legend}</legend>{radios}</fieldset><button>Apply<span class="unseen"> {action}</span></button>"#
    );
    form(mount, action, "", &fields)
}
