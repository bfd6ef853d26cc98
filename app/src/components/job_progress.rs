//! The island of a running job: asks how it stands until it has ended.

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

/// How far the watch over a job has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Watch {
    /// The job runs.
    Running,
    /// The server does not answer.
    Unreachable,
    /// It has ended, and the page is being loaded again: everything on it, balances too, is then of one instant.
    Ended,
    /// It has ended, but loading the page again would lose what is being typed.
    EndedWhileTyping,
    /// It takes too long to go on asking.
    GivenUp,
}

/// Watches a running job and loads the page again once it has ended. Without WebAssembly the page does so by itself.
#[island]
pub fn JobProgress(
    /// The job.
    job: JobView,
) -> impl IntoView {
    let watch = RwSignal::new(Watch::Running);
    let id = StoredValue::new(job.id);
    Effect::new(move |_| ask_later(id, watch, POLL_INTERVAL, Date::now()));
    view! {
        <p role="status" class="text-muted">
            {move || words(watch.get())}
        </p>
        {move || {
            matches!(watch.get(), Watch::EndedWhileTyping | Watch::GivenUp)
                .then(|| view! { <p class="mt-2"><a class="link" href="">"Show how it stands"</a></p> })
        }}
    }
}

fn ask_later(id: StoredValue<String>, watch: RwSignal<Watch>, wait: Duration, since: f64) {
    if Date::now() - since > POLL_TIMEOUT_MS {
        watch.set(Watch::GivenUp);
        return;
    }
    set_timeout(move || spawn_local(ask(id, watch, wait, since)), wait);
}

async fn ask(id: StoredValue<String>, watch: RwSignal<Watch>, wait: Duration, since: f64) {
    match functions::job(id.get_value()).await {
        Ok(JobView { state: JobState::Running { .. }, .. }) => {
            watch.set(Watch::Running);
            ask_later(id, watch, POLL_INTERVAL, since);
        }
        Ok(_) if is_typing() => watch.set(Watch::EndedWhileTyping),
        Ok(_) => {
            watch.set(Watch::Ended);
            // Where the browser refuses, the words and the page without WebAssembly still say what to do.
            if window().location().reload().is_err() {
                watch.set(Watch::EndedWhileTyping);
            }
        }
        Err(_) => {
            watch.set(Watch::Unreachable);
            ask_later(id, watch, (wait * 2).min(MAX_POLL_INTERVAL), since);
        }
    }
}

/// Whether a text on this page has been changed and not sent.
fn is_typing() -> bool {
    let field = document().query_selector("textarea").ok().flatten();
    let field = field.and_then(|field| field.dyn_into::<HtmlTextAreaElement>().ok());
    field.is_some_and(|field| field.default_value().is_ok_and(|sent| sent != field.value()))
}

fn words(watch: Watch) -> &'static str {
    match watch {
        Watch::Running => "This page follows along by itself. You may also leave: the job goes on.",
        Watch::Unreachable => "The connection is slow. Still asking; the job goes on.",
        Watch::Ended => "It has ended. Loading the receipt.",
        Watch::EndedWhileTyping => "It has ended.",
        Watch::GivenUp => "This takes longer than usual. If it does not deliver, nothing is charged.",
    }
}
