//! `/quests`: the goal form with its price, and the quests.

use brightmeter::features::quest::GOAL_CHARS;
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use crate::{
    components::{ErrorSummary, Field, Frame, Goals, JobSummary, RefusalNotice, Section, TextArea, described_by, load},
    error::AppError,
    form::Form,
    views::{JobState, QuestsView, QuoteView, Viewer},
};

/// The goal form, the summary of the latest job, and all quests.
#[component]
pub fn QuestsPage() -> impl IntoView {
    let job = use_query_map().with_untracked(|query| query.get("job"));
    let form = Form::current();
    let posted = form.error.is_some();
    load(
        move |backend, who| async move {
            match backend.quests(&who, job).await {
                // After a POST the page is shown even if it can't be loaded, so that the typed goal isn't lost.
                Err(_) if posted => Ok(None),
                found => found.map(Some),
            }
        },
        |viewer, view| match view {
            Some(view) => view! { <Quests viewer view form /> }.into_any(),
            None => view! { <Interrupted viewer form /> }.into_any(),
        },
    )
}

#[component]
fn Quests(viewer: Viewer, view: QuestsView, form: Form) -> impl IntoView {
    let QuestsView { quote, key, job, mut quests } = view;
    let (title, here) = match &job {
        Some(job) => (title(&job.state), format!("/quests?job={}", job.id)),
        None => ("Quests", "/quests".into()),
    };
    // The job summary lists the job's quests already.
    let delivered = job.as_ref().map(|job| job.id.clone()).filter(|id| quests.iter().any(|quest| quest.job == *id));
    if let Some(id) = &delivered {
        quests.retain(|quest| quest.job != *id);
    }
    let list = match (quests.is_empty(), delivered.is_some()) {
        (true, true) => ().into_any(),
        (true, false) => view! { <QuestsSoFar heading="Your quests"><NoQuests /></QuestsSoFar> }.into_any(),
        (false, delivered) => {
            let heading = if delivered { "Your other quests" } else { "Your quests" };
            let next = here.clone();
            view! { <QuestsSoFar heading><Goals quests next /></QuestsSoFar> }.into_any()
        }
    };
    let demo = viewer.demo;
    view! {
        <Frame viewer section=Section::Quests title>
            <h1 class="text-3xl font-semibold tracking-tight">"Quests"</h1>
            <p class="mt-1 max-w-2xl text-muted">"Describe a goal. We'll break it into quests."</p>
            {job.map(|job| view! { <div class="mt-6"><JobSummary job next=here /></div> })}
            <GoalForm quote=Some(quote) key form demo />
            {list}
        </Frame>
    }
}

/// The form alone, with the typed goal and the same idempotency key, so that a second submission is charged once.
#[component]
fn Interrupted(viewer: Viewer, form: Form) -> impl IntoView {
    let (demo, key) = (viewer.demo, form.value("key"));
    view! {
        <Frame viewer section=Section::Quests title="Quests">
            <h1 class="text-3xl font-semibold tracking-tight">"Quests"</h1>
            <GoalForm quote=None key form demo />
        </Frame>
    }
}

#[component]
fn QuestsSoFar(heading: &'static str, children: Children) -> impl IntoView {
    view! {
        <section class="mt-12" aria-labelledby="list">
            <h2 id="list" class="mb-4 text-lg font-semibold">
                {heading}
            </h2>
            {children()}
        </section>
    }
}

#[component]
fn NoQuests() -> impl IntoView {
    view! {
        <div class="empty">
            <p class="font-medium text-ink">"No quests yet"</p>
            <p class="mt-1">"Enter a goal above to get a handful of quests with steps, points and due dates."</p>
        </div>
    }
}

/// The page's title names the job's state, because a screen reader reads it first after a reload.
fn title(state: &JobState) -> &'static str {
    match state {
        JobState::Running { .. } => "Working… · Quests",
        JobState::Delivered { .. } => "Delivered · Quests",
        JobState::NotCharged { .. } => "Not charged · Quests",
    }
}

#[component]
fn GoalForm(quote: Option<QuoteView>, key: String, form: Form, demo: bool) -> impl IntoView {
    // After an unknown outcome the form keeps its idempotency key, so that it can be sent again safely.
    let key = match form.error {
        Some(AppError::OutcomeUnknown) => form.value("key"),
        _ => key,
    };
    let (least, most) = (GOAL_CHARS.start(), GOAL_CHARS.end());
    let mut hint = format!("What you want to achieve, in {least} to {most} characters.");
    if demo {
        hint.push_str(" In the demo, add #fail, #slow or #crash to see what happens when a job goes wrong.");
    }
    let problem = form.problem("goal");
    let goal = form.value("goal");
    let refused = quote.as_ref().and_then(|quote| quote.after.clone().err());
    // The quote's refusal has more detail (when it ends), so it replaces the refusal of the submitted form.
    let just_refused = matches!(form.error, Some(AppError::Refused { .. })) && refused.is_some();
    let form = if just_refused { Form::default() } else { form };
    let described = if refused.is_some() { "quote refused" } else { "quote" };
    let price = quote.map_or_else(|| "We can't load the price and your balance right now.".into(), price);
    view! {
        <form method="post" action="/quests" class="card mt-6 grid gap-4">
            <ErrorSummary form fields=&["goal"] />
            // A browser that restores fields on reload must not restore a used idempotency key.
            <input type="hidden" name="key" value=key autocomplete="off" />
            <Field name="goal" label="Goal" hint problem=problem.clone()>
                <TextArea
                    name="goal"
                    value=goal
                    rows="3"
                    max_chars=*most
                    described_by=described_by("goal", true, problem.is_some())
                    invalid=problem.is_some()
                />
            </Field>
            {refused.clone().map(|refused| view! { <RefusalNotice refused alert=just_refused id="refused" /> })}
            <div class="flex flex-wrap items-center justify-between gap-3">
                <p id="quote" class="font-medium tabular-nums">
                    {price}
                </p>
                <button type="submit" class="btn" disabled=refused.is_some() aria-describedby=described>
                    "Generate quests"
                </button>
            </div>
        </form>
    }
}

fn price(quote: QuoteView) -> String {
    let QuoteView { cost, token_label, available, after } = quote;
    match after {
        Ok(after) => format!("Costs {cost} {token_label}. {available} available, {after} after."),
        Err(_) => format!("Costs {cost} {token_label}. {available} available."),
    }
}
