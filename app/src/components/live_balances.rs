//! The island of the dashboard: balances that refresh in place.

use std::time::Duration;

use leptos::{
    ev,
    ev::SubmitEvent,
    html::Div,
    prelude::*,
    task::spawn_local,
    wasm_bindgen::{JsCast, closure::Closure},
};
use web_sys::EventSource;

use crate::{components::Balances, error::AppError, functions, views::BalancesView};

/// The balances that the server wrote, with Refresh. Without WebAssembly the button loads the page again; with it the numbers
/// are replaced in place. Until then what was served stays as it is, so that the page is ready at once.
#[island]
pub fn LiveBalances(
    /// The balances as they were served.
    children: Children,
) -> impl IntoView {
    let served = NodeRef::<Div>::new();
    let fresh = RwSignal::new(None::<BalancesView>);
    let busy = RwSignal::new(false);
    let failure = RwSignal::new(None::<AppError>);
    let offline = RwSignal::new(false);
    let awake = RwSignal::new(false);
    let news = RwSignal::new(String::new());
    // The server says nothing that depends on the clock, so that the browser finds the page as it was sent.
    let age = RwSignal::new(0_u32);
    let read_at = StoredValue::new(0.0_f64);

    // Whoever asked is told how it ended; what moved by itself only shows.
    let again = StoredValue::new(false);
    let read = move |asked: bool| {
        if busy.get_untracked() {
            again.set_value(true);
            return;
        }
        busy.set(true);
        spawn_local(async move {
            loop {
                again.set_value(false);
                match functions::balances().await {
                    Ok(balances) => {
                        if asked {
                            news.set(spoken(&balances));
                        }
                        if let Some(served) = served.get_untracked() {
                            served.remove();
                        }
                        fresh.set(Some(balances));
                        failure.set(None);
                        read_at.set_value(now_ms());
                        age.set(0);
                    }
                    Err(error) if asked => failure.set(Some(error)),
                    Err(_) => {}
                }
                if !again.get_value() {
                    break;
                }
            }
            busy.set(false);
        });
    };

    Effect::new(move |_| {
        awake.set(true);
        read_at.set_value(now_ms());
        set_interval(
            move || age.set(((now_ms() - read_at.get_value()).max(0.0) / 1000.0) as u32),
            Duration::from_secs(1),
        );
        let live = follow(move || read(false));
        let lost = window_event_listener(ev::offline, move |_| offline.set(true));
        let back = window_event_listener(ev::online, move |_| {
            offline.set(false);
            read(true);
        });
        on_cleanup(move || {
            lost.remove();
            back.remove();
            if let Some(live) = live {
                live.close();
            }
        });
    });

    let submitted = move |submit: SubmitEvent| {
        submit.prevent_default();
        read(true);
    };

    view! {
        <div class="live" data-awake=move || awake.get().then_some("") aria-busy=move || busy.get().to_string()>
            <div node_ref=served class="contents">
                {children()}
            </div>
            {move || fresh.get().map(|balances| view! { <Balances balances /> })}
            <div class="live-tools">
                <form method="get" action="/dashboard" on:submit=submitted>
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
                <p role="status" class="sr-only">
                    {move || news.get()}
                </p>
                {move || match failure.get() {
                    _ if offline.get() => view! { <Offline /> }.into_any(),
                    Some(error) => view! { <RefreshFailed error /> }.into_any(),
                    None => ().into_any(),
                }}
            </div>
        </div>
    }
}

#[component]
fn Offline() -> impl IntoView {
    view! {
        <div role="status" class="notice notice-warn w-full">
            <p class="font-semibold">"You are offline: these are the numbers from before."</p>
            <p class="mt-1">"They are read again as soon as the connection is back. Running jobs go on without you."</p>
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
        <div role="alert" class="notice notice-bad w-full">
            <p class="font-semibold">"Not refreshed: these are the numbers from before."</p>
            <p class="mt-1">{reason}</p>
            {signed_out
                .then(|| view! { <p class="mt-1"><a class="link" href="/signin?next=/dashboard">"Sign in again"</a></p> })}
        </div>
    }
}

/// Calls `changed` whenever tokens have moved, on whatever server, until it is closed. The browser connects again by itself;
/// where it cannot follow, Refresh is there.
fn follow(changed: impl Fn() + 'static) -> Option<EventSource> {
    let source = EventSource::new("/api/v1/tokens/stream").ok()?;
    let told = Closure::<dyn Fn()>::new(changed);
    source.add_event_listener_with_callback("balances", told.as_ref().unchecked_ref()).ok()?;
    // It lives as long as the page.
    told.forget();
    Some(source)
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
