//! The island that polls a running job until it ends.

#![expect(missing_docs, reason = "the island macro makes a struct that cannot be documented")]

use std::time::Duration;

use leptos::{
    prelude::*,
    task::spawn_local,
    wasm_bindgen::JsCast,
    web_sys::{HtmlTextAreaElement, js_sys::Date},
};

use crate::{
    functions,
    views::{JobState, JobView},
};

const POLL_INTERVAL: Duration = Duration::from_secs(1);
const MAX_POLL_INTERVAL: Duration = Duration::from_secs(15);
const POLL_TIMEOUT_MS: f64 = 180_000.0;

/// The state of polling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Polling {
    /// The job is running.
    Running,
    /// The server didn't answer the last request.
    Unreachable,
    /// The job has ended and the page is reloading, so that everything on it, balances too, shows the same instant.
    Ended,
    /// The job has ended, but a reload would lose unsent text.
    EndedWhileTyping,
    /// Polling stopped after [`POLL_TIMEOUT_MS`].
    TimedOut,
}

/// Polls a running job and reloads the page once it has ended. Without WebAssembly a `<meta>` refresh does this.
#[island]
pub fn JobProgress(
    /// The job.
    job: JobView,
) -> impl IntoView {
    let polling = RwSignal::new(Polling::Running);
    let id = StoredValue::new(job.id);
    Effect::new(move |_| schedule_poll(id, polling, POLL_INTERVAL, Date::now()));
    view! {
        <p role="status" class="text-muted">
            {move || message(polling.get())}
        </p>
        {move || {
            matches!(polling.get(), Polling::EndedWhileTyping | Polling::TimedOut)
                .then(|| view! { <p class="mt-2"><a class="link" href="">"Reload to see the result"</a></p> })
        }}
    }
}

fn schedule_poll(id: StoredValue<String>, polling: RwSignal<Polling>, wait: Duration, since: f64) {
    if Date::now() - since > POLL_TIMEOUT_MS {
        polling.set(Polling::TimedOut);
        return;
    }
    set_timeout(move || spawn_local(poll(id, polling, wait, since)), wait);
}

async fn poll(id: StoredValue<String>, polling: RwSignal<Polling>, wait: Duration, since: f64) {
    match functions::job(id.get_value()).await {
        Ok(JobView { state: JobState::Running { .. }, .. }) => {
            polling.set(Polling::Running);
            schedule_poll(id, polling, POLL_INTERVAL, since);
        }
        Ok(_) if is_typing() => polling.set(Polling::EndedWhileTyping),
        Ok(_) => {
            polling.set(Polling::Ended);
            // If the browser refuses to reload, show the link instead.
            if window().location().reload().is_err() {
                polling.set(Polling::EndedWhileTyping);
            }
        }
        Err(_) => {
            polling.set(Polling::Unreachable);
            schedule_poll(id, polling, (wait * 2).min(MAX_POLL_INTERVAL), since);
        }
    }
}

/// Whether the page's text field has unsent changes.
fn is_typing() -> bool {
    let field = document().query_selector("textarea").ok().flatten();
    let field = field.and_then(|field| field.dyn_into::<HtmlTextAreaElement>().ok());
    field.is_some_and(|field| field.default_value().is_ok_and(|served| served != field.value()))
}

fn message(polling: Polling) -> &'static str {
    match polling {
        Polling::Running => "Updates automatically. You can leave this page.",
        Polling::Unreachable => "The connection is slow. Still checking. The job keeps running.",
        Polling::Ended => "The job has ended. Loading the result.",
        Polling::EndedWhileTyping => "The job has ended.",
        Polling::TimedOut => "This is taking longer than usual. If the job fails, nothing is charged.",
    }
}
