//! The dashboard's island: balances that refresh in place.

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

/// The balances with a Refresh button. With WebAssembly it replaces the numbers in place; without, it reloads the page.
/// The served balances stay until the first refresh, so that the page is usable immediately.
#[island]
pub fn LiveBalances(
    /// The balances as rendered by the server.
    children: Children,
) -> impl IntoView {
    let served = NodeRef::<Div>::new();
    let fresh = RwSignal::new(None::<BalancesView>);
    let busy = RwSignal::new(false);
    let failure = RwSignal::new(None::<AppError>);
    let offline = RwSignal::new(false);
    let hydrated = RwSignal::new(false);
    let announcement = RwSignal::new(String::new());
    // The server renders no text that depends on the clock, so that hydration finds the same page.
    let age = RwSignal::new(0_u32);
    let read_at = StoredValue::new(0.0_f64);

    // The result is announced only if the user requested the refresh. Automatic refreshes just update the numbers.
    let pending = StoredValue::new(false);
    let refresh = move |requested: bool| {
        if busy.get_untracked() {
            pending.set_value(true);
            return;
        }
        busy.set(true);
        spawn_local(async move {
            loop {
                pending.set_value(false);
                match functions::balances().await {
                    Ok(balances) => {
                        if requested {
                            announcement.set(announcement_of(&balances));
                        }
                        if let Some(served) = served.get_untracked() {
                            served.remove();
                        }
                        fresh.set(Some(balances));
                        failure.set(None);
                        read_at.set_value(now_ms());
                        age.set(0);
                    }
                    Err(error) if requested => failure.set(Some(error)),
                    Err(_) => {}
                }
                if !pending.get_value() {
                    break;
                }
            }
            busy.set(false);
        });
    };

    Effect::new(move |_| {
        hydrated.set(true);
        read_at.set_value(now_ms());
        set_interval(
            move || age.set(((now_ms() - read_at.get_value()).max(0.0) / 1000.0) as u32),
            Duration::from_secs(1),
        );
        let events = subscribe(move || refresh(false));
        let on_offline = window_event_listener(ev::offline, move |_| offline.set(true));
        let on_online = window_event_listener(ev::online, move |_| {
            offline.set(false);
            refresh(true);
        });
        on_cleanup(move || {
            on_offline.remove();
            on_online.remove();
            if let Some(events) = events {
                events.close();
            }
        });
    });

    let on_submit = move |submit: SubmitEvent| {
        submit.prevent_default();
        refresh(true);
    };

    view! {
        <div class="live" data-awake=move || hydrated.get().then_some("") aria-busy=move || busy.get().to_string()>
            <div node_ref=served class="contents">
                {children()}
            </div>
            {move || fresh.get().map(|balances| view! { <Balances balances /> })}
            <div class="live-tools">
                <form method="get" action="/dashboard" on:submit=on_submit>
                    <button type="submit" class="btn btn-quiet" class:busy=move || busy.get()>
                        "Refresh"
                    </button>
                </form>
                <form method="get" action="/billing#packs">
                    <button type="submit" class="btn btn-quiet">
                        "Buy tokens"
                    </button>
                </form>
                <p class="text-sm text-muted">{move || format!("Updated {}", ago(age.get()))}</p>
                <p role="status" class="sr-only">
                    {move || announcement.get()}
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
            <p class="font-semibold">"You're offline. These balances may be out of date."</p>
            <p class="mt-1">"We'll refresh them when you're back online. Running jobs continue."</p>
        </div>
    }
}

#[component]
fn RefreshFailed(error: AppError) -> impl IntoView {
    let signed_out = error == AppError::SignInRequired;
    let reason = match error {
        // In the browser this also means a lost connection.
        AppError::Busy => "The server is busy or can't be reached. Try again in a moment.".into(),
        other => other.to_string(),
    };
    view! {
        <div role="alert" class="notice notice-bad w-full">
            <p class="font-semibold">"Couldn't refresh. These balances may be out of date."</p>
            <p class="mt-1">{reason}</p>
            {signed_out
                .then(|| view! { <p class="mt-1"><a class="link" href="/signin?next=/dashboard">"Sign in again"</a></p> })}
        </div>
    }
}

/// Calls `changed` after every balance change, on any server, until the returned source is closed. The browser
/// reconnects automatically. Returns `None` if the browser can't subscribe; then only Refresh updates the balances.
fn subscribe(changed: impl Fn() + 'static) -> Option<EventSource> {
    let source = EventSource::new("/api/v1/tokens/stream").ok()?;
    let callback = Closure::<dyn Fn()>::new(changed);
    source.add_event_listener_with_callback("balances", callback.as_ref().unchecked_ref()).ok()?;
    // The callback lives as long as the page.
    callback.forget();
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

/// The text for screen readers after a refresh.
fn announcement_of(balances: &BalancesView) -> String {
    let types: Vec<String> =
        balances.types.iter().map(|balance| format!("{} {}", balance.available, balance.label)).collect();
    format!("Refreshed: {} available.", types.join(", "))
}

#[cfg(test)]
mod tests {
    use super::ago;

    #[test]
    fn an_age_has_a_short_text() {
        for (seconds, text) in [(0, "just now"), (4, "just now"), (5, "5 s ago"), (59, "59 s ago"), (125, "2 min ago")]
        {
            assert_eq!(ago(seconds), text);
        }
    }
}
