//! The job summary: state, cost and results of an AI job.

use leptos::prelude::*;

use crate::{
    components::{JobProgress, QuestList, Time},
    views::{JobState, JobView},
};

/// The card of an AI job.
#[component]
pub fn JobSummary(
    /// The job.
    job: JobView,
    /// The page to return to after marking one of its quests.
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
        <section class=format!("card {tone}") aria-labelledby="job-state">
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
                    <dt>"Requested by"</dt>
                    <dd>{job.who} ", " <Time when=job.started_at /></dd>
                </div>
                {state_time(state)}
                <div>
                    <dt>"Job ID"</dt>
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
                        <h3 class="mt-6 mb-3 font-semibold">"Results"</h3>
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
            let released = reserved.saturating_sub(charged);
            let detail = (!released.is_zero()).then(
                || view! { <p class="text-muted">{format!("{released} of {reserved} reserved were released.")}</p> },
            );
            (format!("Delivered. {charged} {label} charged"), detail.into_any())
        }
        JobState::NotCharged { reason, .. } => {
            let detail = view! { <p>{reason}</p> };
            ("Not charged. Your balance is unchanged.".to_owned(), detail.into_any())
        }
    };
    view! {
        <h2 id="job-state" class="text-xl font-semibold">
            {headline}
        </h2>
        <div class="mt-2">{detail}</div>
    }
}

/// When the job ended, or when its reservation expires.
fn state_time(state: JobState) -> impl IntoView {
    let (label, when) = match state {
        JobState::Running { until } => ("Reserved until", until),
        JobState::Delivered { at, .. } => ("Delivered", at),
        JobState::NotCharged { at, .. } => ("Ended", at),
    };
    view! {
        <div>
            <dt>{label}</dt>
            <dd>
                <Time when />
            </dd>
        </div>
    }
}
