//! The island of the dashboard: balances that refresh in place.

#![expect(missing_docs, reason = "the island macro makes a struct that cannot be documented")]

use std::time::Duration;

use leptos::{ev::SubmitEvent, prelude::*, task::spawn_local};

use crate::{
    components::{Answer, BalanceCard},
    error::AppError,
    functions,
    views::BalancesView,
};

/// The balances, with Refresh. Without WebAssembly the button loads the page again; with it the numbers change in place.
#[island]
pub fn LiveBalances(
    /// What the server read for this page.
    balances: BalancesView,
) -> impl IntoView {
    let shown = RwSignal::new(balances);
    let busy = RwSignal::new(false);
    let failure = RwSignal::new(None::<AppError>);
    let news = RwSignal::new(String::new());
    // The server says nothing that depends on the clock, so that the browser finds the page as it was sent.
    let age = RwSignal::new(0_u32);
    let read_at = StoredValue::new(0.0_f64);

    Effect::new(move |_| {
        read_at.set_value(now_ms());
        set_interval(
            move || age.set(((now_ms() - read_at.get_value()).max(0.0) / 1000.0) as u32),
            Duration::from_secs(1),
        );
    });

    let refresh = move |submit: SubmitEvent| {
        submit.prevent_default();
        if busy.get_untracked() {
            return;
        }
        busy.set(true);
        spawn_local(async move {
            match functions::balances().await {
                Ok(balances) => {
                    news.set(spoken(&balances));
                    shown.set(balances);
                    failure.set(None);
                    read_at.set_value(now_ms());
                    age.set(0);
                }
                Err(error) => failure.set(Some(error)),
            }
            busy.set(false);
        });
    };

    view! {
        <div aria-busy=move || busy.get().to_string()>
            {move || view! { <Answer types=shown.get().types /> }}
            <div class="mt-5 flex flex-wrap items-center gap-3">
                <form method="get" action="/dashboard" on:submit=refresh>
                    <button type="submit" class="btn btn-quiet" class:busy=move || busy.get()>
                        "Refresh"
                    </button>
                </form>
                <form method="get" action="/billing#packs">
                    <button type="submit" class="btn btn-quiet">
                        "Buy tokens"
                    </button>
                </form>
                <p class="text-sm text-muted">{move || format!("updated {}", ago(age.get()))}</p>
            </div>
            <p role="status" class="sr-only">
                {move || news.get()}
            </p>
            {move || failure.get().map(|error| view! { <RefreshFailed error /> })}
            {move || shown.get().upgrade.map(|reason| view! { <UpgradeNotice reason /> })}
            <div class="mt-6 grid items-start gap-5 md:grid-cols-2">
                {move || shown.get().types.into_iter().map(|balance| view! { <BalanceCard balance /> }).collect_view()}
            </div>
        </div>
    }
}

#[component]
fn RefreshFailed(error: AppError) -> impl IntoView {
    let signed_out = error == AppError::SignInRequired;
    let reason = match error {
        // In the browser this stands for a lost connection, too.
        AppError::Busy => "The server is busy or cannot be reached. Try again in a moment.".into(),
        other => other.to_string(),
    };
    view! {
        <div role="alert" class="notice notice-bad mt-4">
            <p class="font-semibold">"Not refreshed: these are the numbers from before."</p>
            <p class="mt-1">{reason}</p>
            {signed_out
                .then(|| view! { <p class="mt-1"><a class="link" href="/signin?next=/dashboard">"Sign in again"</a></p> })}
        </div>
    }
}

#[component]
fn UpgradeNotice(reason: String) -> impl IntoView {
    view! {
        <form method="get" action="/billing" class="notice notice-warn mt-4 flex flex-wrap items-center justify-between gap-3">
            <p>{reason}</p>
            <button type="submit" class="btn btn-small">
                "Upgrade"
            </button>
        </form>
    }
}

fn now_ms() -> f64 {
    leptos::web_sys::js_sys::Date::now()
}

fn ago(seconds: u32) -> String {
    match seconds {
        0..5 => "just now".into(),
        5..60 => format!("{seconds} s ago"),
        _ => format!("{} min ago", seconds / 60),
    }
}

fn spoken(balances: &BalancesView) -> String {
    let types: Vec<String> =
        balances.types.iter().map(|balance| format!("{} {}", balance.available, balance.label)).collect();
    format!("Refreshed: {} available.", types.join(", "))
}

#[cfg(test)]
mod tests {
    use super::ago;

    #[test]
    fn an_age_is_worded_shortly() {
        for (seconds, text) in [(0, "just now"), (4, "just now"), (5, "5 s ago"), (59, "59 s ago"), (125, "2 min ago")]
        {
            assert_eq!(ago(seconds), text);
        }
    }
}
