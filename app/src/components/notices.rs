//! The notices about a plan's payments and its next change.

use leptos::prelude::*;

use super::CustomerPortal;
use crate::views::notice::{NoticeAction, NoticeView};

/// The notices, most urgent first.
#[component]
pub fn Notices(
    /// The notices.
    notices: Vec<NoticeView>,
) -> impl IntoView {
    let items = notices.into_iter().map(|notice| view! { <Notice notice /> }).collect_view();
    view! { <ul class="mt-5 grid gap-3 empty:hidden">{items}</ul> }
}

#[component]
fn Notice(notice: NoticeView) -> impl IntoView {
    let NoticeView { is_urgent, title, text, action } = notice;
    let class = if is_urgent { "notice notice-warn" } else { "notice" };
    view! {
        <li class=class>
            <p class="font-medium">{title}</p>
            <p class="mt-1">{text}</p>
            {action.map(|action| view! { <Action action /> })}
        </li>
    }
}

/// The link or button that leads on.
#[component]
pub fn Action(
    /// The action.
    action: NoticeAction,
) -> impl IntoView {
    let link = |href: String, label: String| {
        view! {
            <p class="mt-3">
                <a class="btn" href=href rel="noreferrer">
                    {label}
                </a>
            </p>
        }
        .into_any()
    };
    match action {
        NoticeAction::Pay(url) => link(url, "Pay now".into()),
        NoticeAction::Confirm(url) => link(url, "Confirm the payment".into()),
        NoticeAction::Resume { plan, label } => link(format!("/billing/plan?to={plan}"), format!("Resume {label}")),
        NoticeAction::OpenPortal => view! { <CustomerPortal /> }.into_any(),
    }
}
