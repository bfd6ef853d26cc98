//! Lists of quests.

use leptos::prelude::*;

use crate::views::QuestView;

/// A list of quests.
#[component]
pub fn QuestList(
    /// The quests.
    quests: Vec<QuestView>,
    /// The page to return to after marking a quest.
    #[prop(into)]
    next: String,
) -> impl IntoView {
    let items = quests.into_iter().map(|quest| view! { <QuestItem quest next=next.clone() /> });
    view! { <ul class="grid gap-3">{items.collect_view()}</ul> }
}

/// Quests grouped by goal. Only the first goal with an open quest is expanded.
#[component]
pub fn Goals(
    /// The quests. Those of one job must be adjacent.
    quests: Vec<QuestView>,
    /// The page to return to after marking a quest.
    #[prop(into)]
    next: String,
) -> impl IntoView {
    let mut goals: Vec<Vec<QuestView>> = Vec::new();
    for quest in quests {
        match goals.last_mut() {
            Some(goal) if goal.last().is_some_and(|last| last.job == quest.job) => goal.push(quest),
            _ => goals.push(vec![quest]),
        }
    }
    let first_open = goals.iter().position(|goal| goal.iter().any(|quest| !quest.done));
    let items = goals.into_iter().enumerate().map(|(index, quests)| {
        let done = quests.iter().filter(|quest| quest.done).count();
        let count = format!("{done} of {} done", quests.len());
        let goal = quests.first().map(|quest| quest.goal.clone()).unwrap_or_default();
        view! {
            <details class="goal" open=Some(index) == first_open>
                <summary>
                    <h3 class="font-medium wrap-anywhere">{goal}</h3>
                    <span class="ml-auto shrink-0 text-sm text-muted tabular-nums">{count}</span>
                </summary>
                <QuestList quests next=next.clone() />
            </details>
        }
    });
    view! { <div class="grid gap-3">{items.collect_view()}</div> }
}

/// Returns the element id of a quest.
pub fn quest_id(job: &str, position: i16) -> String {
    format!("quest-{job}-{position}")
}

/// One quest: title, purpose, steps, and the button that marks it done or reopens it.
#[component]
pub fn QuestItem(
    /// The quest.
    quest: QuestView,
    /// The page to return to after marking it.
    next: String,
) -> impl IntoView {
    let QuestView { job, position, title, why, steps, reward, difficulty, due, done, .. } = quest;
    let (mark, label) =
        if done { ("Reopen", format!("Reopen: {title}")) } else { ("Mark done", format!("Mark done: {title}")) };
    let count = match steps.len() {
        1 => "1 step".into(),
        count => format!("{count} steps"),
    };
    let id = quest_id(&job, position);
    view! {
        <li id=id class="quest" class:quest-done=done>
            <div class="flex flex-wrap items-start justify-between gap-3">
                <div class="min-w-0 grow basis-64">
                    <h4 class="font-medium">{title}</h4>
                    <p class="mt-1 text-muted">{why}</p>
                </div>
                <form method="post" action="/quests/done" class="print:hidden">
                    <input type="hidden" name="job" value=job />
                    <input type="hidden" name="position" value=position.to_string() />
                    <input type="hidden" name="done" value=(!done).to_string() />
                    <input type="hidden" name="next" value=next />
                    <button type="submit" class="btn btn-quiet btn-small" aria-label=label>
                        {mark}
                    </button>
                </form>
            </div>
            <ul class="mt-3 flex flex-wrap gap-x-4 gap-y-1 text-sm text-muted">
                {done.then(|| view! { <li class="font-medium text-good">"Done"</li> })}
                <li>{format!("{reward} points")}</li>
                <li>{difficulty}</li>
                <li>{format!("due {due}")}</li>
            </ul>
            <details class="mt-3">
                <summary class="link inline-block cursor-pointer py-0.5 text-sm">{count}</summary>
                <ol class="mt-2 list-decimal space-y-1 pl-5">
                    {steps.into_iter().map(|step| view! { <li>{step}</li> }).collect_view()}
                </ol>
            </details>
        </li>
    }
}
