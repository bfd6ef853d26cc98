//! `/quests`: what a generation costs, the goal, and the quests.

use brightmeter::features::quest::GOAL_CHARS;
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use crate::{
    components::{ErrorSummary, Field, Frame, Goals, Place, Receipt, RefusalNotice, described_by, load},
    error::AppError,
    form::Form,
    views::{JobState, QuestsView, QuoteView, Viewer},
};

/// The price before the click, the receipt after it, and all quests.
#[component]
pub fn QuestsPage() -> impl IntoView {
    let job = use_query_map().with_untracked(|query| query.get("job"));
    let form = Form::current();
    let posted = form.error.is_some();
    load(
        move |backend, who| async move {
            match backend.quests(&who, job).await {
                // What was typed outlives whatever else cannot be shown.
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
    // The receipt shows its own quests; once on a page is enough.
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
        <Frame viewer place=Place::Quests title>
            <h1 class="text-3xl font-semibold tracking-tight">"Quests"</h1>
            <p class="mt-1 max-w-2xl text-muted">"Say what you want to reach; quests are the way there, one step at a time."</p>
            {job.map(|job| view! { <div class="mt-6"><Receipt job next=here /></div> })}
            <GoalForm quote=Some(quote) key form demo />
            {list}
        </Frame>
    }
}

/// The form alone, with what was typed and the same key: sent again, it is charged once.
#[component]
fn Interrupted(viewer: Viewer, form: Form) -> impl IntoView {
    let (demo, key) = (viewer.demo, form.value("key"));
    view! {
        <Frame viewer place=Place::Quests title="Quests">
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
            <p class="mt-1">"Write down one goal above, and get a handful of quests with steps, points and dates."</p>
        </div>
    }
}

/// The title tells how the job stands: it is what a screen reader says first when the page is loaded again.
fn title(state: &JobState) -> &'static str {
    match state {
        JobState::Running { .. } => "Working… · Quests",
        JobState::Delivered { .. } => "Delivered · Quests",
        JobState::NotCharged { .. } => "Not charged · Quests",
    }
}

#[component]
fn GoalForm(quote: Option<QuoteView>, key: String, form: Form, demo: bool) -> impl IntoView {
    // Whoever does not know how it ended must be able to send the very same form again.
    let key = match form.error {
        Some(AppError::OutcomeUnknown) => form.value("key"),
        _ => key,
    };
    let (least, most) = (GOAL_CHARS.start(), GOAL_CHARS.end());
    let mut hint = format!("What you want to reach, in your own words: {least} to {most} characters.");
    if demo {
        hint.push_str(" In the demo, add #fail, #slow or #crash to a goal to see what happens when a job goes wrong.");
    }
    let problem = form.problem("goal");
    let goal = form.value("goal");
    let refused = quote.as_ref().and_then(|quote| quote.after.clone().err());
    // The quote's refusal says more (until when), so it stands for the one that the click was answered with.
    let tried = matches!(form.error, Some(AppError::Refused { .. })) && refused.is_some();
    let form = if tried { Form::default() } else { form };
    let described = if refused.is_some() { "quote refused" } else { "quote" };
    let price = quote.map_or_else(|| "The price and your balance cannot be read right now.".into(), price);
    view! {
        <form method="post" action="/quests" class="card mt-6 grid gap-4">
            <ErrorSummary form fields=&["goal"] />
            // A browser that restores fields on reload must not bring back a used key.
            <input type="hidden" name="key" value=key autocomplete="off" />
            <Field name="goal" label="Goal" hint problem=problem.clone()>
                <textarea
                    id="goal"
                    name="goal"
                    class="control min-h-24"
                    rows="3"
                    required=true
                    maxlength=most.to_string()
                    aria-describedby=described_by("goal", true, problem.is_some())
                    aria-invalid=problem.is_some().then_some("true")
                >
                    {goal}
                </textarea>
            </Field>
            {refused.clone().map(|refused| view! { <RefusalNotice refused alert=tried id="refused" /> })}
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
