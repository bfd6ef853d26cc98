//! `/`: the landing page.

use leptos::prelude::*;

use crate::components::{Frame, Section};

const PROMISES: [(&str, &str); 3] = [
    ("See what's left", "Every token type, what running jobs hold, and the day your allowance resets."),
    ("Know the price first", "The cost of an AI job is shown before you click, with your balance after it."),
    ("Pay only for results", "Tokens are reserved while a job runs. If it fails, all of them are released."),
];

/// A short product description and a link to sign in.
#[component]
pub fn StartPage() -> impl IntoView {
    let promises = PROMISES.map(|(title, text)| {
        view! {
            <li class="border-t-2 border-accent pt-3">
                <h2 class="font-semibold">{title}</h2>
                <p class="mt-1 text-muted">{text}</p>
            </li>
        }
    });
    view! {
        <Frame viewer=None section=Section::Other title="Prepaid AI tokens">
            <div class="py-8 sm:py-14">
                <h1 class="max-w-2xl text-4xl font-semibold tracking-tight text-balance sm:text-5xl">
                    "Prepaid AI tokens, every one accounted for"
                </h1>
                <p class="mt-5 max-w-xl text-lg text-muted">
                    "Your plan includes a monthly allowance. Packs add to it, and AI features spend both. Brightmeter keeps track of every token."
                </p>
                <p class="mt-8">
                    <a class="btn" href="/signin">
                        "Sign in"
                    </a>
                </p>
                <ul class="mt-14 grid gap-6 sm:grid-cols-3">{promises.collect_view()}</ul>
            </div>
        </Frame>
    }
}
