//! A job's receipt: what it took, or that it took nothing.

use leptos::prelude::*;

use crate::{
    components::{JobProgress, QuestList, Time},
    views::{JobState, JobView},
};

/// A job and its receipt.
#[component]
pub fn Receipt(
    /// The job.
    job: JobView,
    /// Where to return to after one of its quests was marked.
    #[prop(into)]
    next: String,
) -> impl IntoView {
    let tone = match job.state {
        JobState::Running { .. } => "receipt",
        JobState::Delivered { .. } => "receipt receipt-good",
        JobState::NotCharged { .. } => "receipt receipt-warn",
    };
    let quests = job.quests.clone();
    let state = job.state.clone();
    view! {
        <section class=format!("card {tone}") aria-labelledby="receipt">
            <div aria-live="polite">
                <Outcome job=job.clone() />
            </div>
            <dl class="facts mt-5">
                <div>
                    <dt>"Goal"</dt>
                    <dd class="wrap-anywhere whitespace-pre-line">{job.goal}</dd>
                </div>
                <div>
                    <dt>"Feature"</dt>
                    <dd>{job.feature}</dd>
                </div>
                <div>
                    <dt>"Asked by"</dt>
                    <dd>{job.who} ", " <Time when=job.started_at /></dd>
                </div>
                {ended(state)}
                <div>
                    <dt>"Receipt"</dt>
                    <dd>
                        <a class="link wrap-anywhere" href=format!("/quests/{}", job.id)>
                            {job.id.clone()}
                        </a>
                    </dd>
                </div>
            </dl>
            {(!quests.is_empty())
                .then(|| {
                    view! {
                        <h3 class="mt-6 mb-3 font-semibold">"What it delivered"</h3>
                        <QuestList quests next />
                    }
                })}
        </section>
    }
}

/// The headline: reserved, charged or not charged.
#[component]
fn Outcome(job: JobView) -> impl IntoView {
    let (reserved, label) = (job.reserved, job.token_label.clone());
    let (headline, detail) = match job.state.clone() {
        JobState::Running { .. } => {
            let detail = view! {
                <JobProgress job />
                <noscript>
                    <meta http-equiv="refresh" content="2" />
                </noscript>
            };
            (format!("Working… {reserved} {label} reserved, nothing charged yet"), detail.into_any())
        }
        JobState::Delivered { charged, .. } => {
            let back = reserved.saturating_sub(charged);
            let detail = (!back.is_zero())
                .then(|| view! { <p class="text-muted">{format!("{back} of {reserved} reserved came back.")}</p> });
            (format!("Delivered. {charged} {label} charged"), detail.into_any())
        }
        JobState::NotCharged { reason, .. } => {
            let detail = view! { <p>{reason}</p> };
            ("Not charged. Nothing was taken from your balance.".to_owned(), detail.into_any())
        }
    };
    view! {
        <h2 id="receipt" class="text-xl font-semibold">
            {headline}
        </h2>
        <div class="mt-2">{detail}</div>
    }
}

fn ended(state: JobState) -> impl IntoView {
    let (word, when) = match state {
        JobState::Running { until } => ("Reserved until", until),
        JobState::Delivered { at, .. } => ("Delivered", at),
        JobState::NotCharged { at, .. } => ("Ended", at),
    };
    view! {
        <div>
            <dt>{word}</dt>
            <dd>
                <Time when />
            </dd>
        </div>
    }
}
