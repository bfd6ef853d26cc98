//! `/quests/:job`: a receipt of its own, also on paper.

use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

use crate::{
    components::{Frame, Place, Receipt, load},
    views::{JobView, Viewer},
};

/// One job's receipt.
#[component]
pub fn JobPage() -> impl IntoView {
    let id = use_params_map().with_untracked(|params| params.get("job")).unwrap_or_default();
    load(
        |backend, who| async move { backend.job(&who, id).await },
        |viewer, job| view! { <JobReceipt viewer job /> }.into_any(),
    )
}

#[component]
fn JobReceipt(viewer: Viewer, job: JobView) -> impl IntoView {
    let here = format!("/quests/{}", job.id);
    let organization = viewer.org.name.clone();
    view! {
        <Frame viewer place=Place::Quests title="Receipt">
            <p class="print:hidden">
                <a class="link" href="/quests">
                    "All quests"
                </a>
            </p>
            <h1 class="mt-2 mb-6 text-3xl font-semibold tracking-tight">{format!("Receipt for {organization}")}</h1>
            <Receipt job next=here />
        </Frame>
    }
}
