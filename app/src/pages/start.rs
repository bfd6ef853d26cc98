//! `/`: what this is.

use leptos::prelude::*;

use crate::components::{Frame, Place};

const PROMISES: [(&str, &str); 3] = [
    ("See what is left", "Every kind of token, what is reserved, and the day the allowance comes back."),
    ("Know the price first", "What an AI job costs, and what remains after it, stands there before you click."),
    ("Pay only for what arrives", "Tokens are reserved while a job runs. If it fails, all of them return."),
];

/// What Brightmeter is, and the way in.
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
        <Frame viewer=None place=Place::Elsewhere title="Prepaid AI tokens">
            <div class="py-8 sm:py-14">
                <h1 class="max-w-2xl text-4xl font-semibold tracking-tight text-balance sm:text-5xl">
                    "Prepaid AI tokens, every one accounted for"
                </h1>
                <p class="mt-5 max-w-xl text-lg text-muted">
                    "Your plan brings an allowance each month, packs add to it, and AI features spend both. Brightmeter keeps the books."
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
