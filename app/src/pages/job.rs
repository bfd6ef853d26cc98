//! `/quests/:job`: the summary of one job, also for print.

use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

use crate::{
    components::{Frame, JobSummary, Section, load},
    views::{JobView, Viewer},
};

/// The summary of one job.
#[component]
pub fn JobPage() -> impl IntoView {
    let id = use_params_map().with_untracked(|params| params.get("job")).unwrap_or_default();
    load(
        |backend, who| async move { backend.job(&who, id).await },
        |viewer, job| view! { <Job viewer job /> }.into_any(),
    )
}

#[component]
fn Job(viewer: Viewer, job: JobView) -> impl IntoView {
    let here = format!("/quests/{}", job.id);
    let organization = viewer.org.name.clone();
    view! {
        <Frame viewer section=Section::Quests title="Job summary">
            <p class="print:hidden">
                <a class="link" href="/quests">
                    "All quests"
                </a>
            </p>
            <h1 class="mt-2 mb-6 text-3xl font-semibold tracking-tight">{format!("Job summary for {organization}")}</h1>
            <JobSummary job next=here />
        </Frame>
    }
}
