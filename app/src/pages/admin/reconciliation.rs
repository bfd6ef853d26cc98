//! `/admin/reconciliation`: purchases and plans held against what Stripe says.

use leptos::prelude::*;

use crate::{
    backend::StaffMember,
    components::{AdminFrame, AdminSection, load_staff},
    views::admin::{Compared, FindingView, MendView, ReconciliationView},
};

/// What the comparison does, the button that starts it, and what came of it.
#[component]
pub fn ReconciliationPage() -> impl IntoView {
    let compared = use_context::<Compared>();
    load_staff(
        |backend, staff| async move { backend.reconciliation(&staff).await },
        |staff, view| view! { <Reconciliation staff view compared /> }.into_any(),
    )
}

#[component]
fn Reconciliation(staff: StaffMember, view: ReconciliationView, compared: Option<Compared>) -> impl IntoView {
    let title = match &compared {
        None => "Reconciliation",
        Some(Compared::Report { findings, .. }) if findings.is_empty() => "All is as Stripe says · Reconciliation",
        Some(Compared::Report { .. }) => "Differences found · Reconciliation",
        Some(Compared::Unanswered | Compared::Busy) => "Not compared · Reconciliation",
    };
    let action = match view.sells {
        true => view! {
            <form method="post" action="/admin/reconciliation" class="mt-5">
                <button type="submit" class="btn" aria-describedby="patience">
                    "Compare with Stripe"
                </button>
                <p id="patience" class="mt-2 text-sm text-muted">
                    "Stripe is asked about each purchase and each plan. That may take up to a minute, and changes nothing."
                </p>
            </form>
        }
        .into_any(),
        false => view! { <p class="empty mt-5">"Nothing is for sale here, so there is no Stripe to compare with."</p> }
            .into_any(),
    };
    let compared = compared.map(|compared| view! { <Outcome compared /> });
    view! {
        <AdminFrame staff desk=AdminSection::Reconciliation title>
            <h1 class="text-3xl font-semibold tracking-tight">"Reconciliation"</h1>
            <p class="mt-1 max-w-2xl text-muted">
                "Every purchase of the last 90 days is held against what Stripe says of it now: whether it was paid, and what went back of it; so is every plan: whether its subscription runs, and which of its invoices are unpaid. What differs is listed, each with its one safe mend."
            </p>
            {action}
            {compared}
        </AdminFrame>
    }
}

#[component]
fn Outcome(compared: Compared) -> impl IntoView {
    match compared {
        Compared::Report { purchases, plans, findings } => view! { <Report purchases plans findings /> }.into_any(),
        Compared::Unanswered => view! {
            <div role="alert" class="notice notice-bad mt-8">
                <p class="font-semibold">"Stripe did not answer in time"</p>
                <p class="mt-1">
                    "What was known stays as it is. Try again in a few minutes; for a shop with many purchases, " <code>"brightmeter reconcile"</code>
                    " on the command line takes as long as it needs."
                </p>
            </div>
        }
        .into_any(),
        Compared::Busy => view! {
            <div role="alert" class="notice notice-warn mt-8">
                <p class="font-semibold">"A comparison is under way"</p>
                <p class="mt-1">"Only one runs at a time, as Stripe's patience is shared. Try again in a minute."</p>
            </div>
        }
        .into_any(),
    }
}

#[component]
fn Report(purchases: usize, plans: usize, findings: Vec<FindingView>) -> impl IntoView {
    let asked = format!("Stripe was asked about {} and {}.", counted(purchases, "purchase"), counted(plans, "plan"));
    let (tone, headline) = match findings.len() {
        0 => ("notice notice-good", "All is as Stripe says".into()),
        1 => ("notice notice-warn", "1 difference was found".into()),
        count => ("notice notice-warn", format!("{count} differences were found")),
    };
    let items = findings.into_iter().map(|finding| view! { <Finding finding /> });
    view! {
        <section class="mt-10" aria-labelledby="report">
            <div role="status" class=tone>
                <h2 id="report" class="font-semibold">
                    {headline}
                </h2>
                <p class="mt-1">{asked}</p>
            </div>
            <ul class="mt-4 grid gap-3">{items.collect_view()}</ul>
        </section>
    }
}

/// `no purchase`, `1 purchase`, `2 purchases`.
fn counted(count: usize, of: &str) -> String {
    match count {
        0 => format!("no {of}"),
        1 => format!("1 {of}"),
        count => format!("{count} {of}s"),
    }
}

#[component]
fn Finding(finding: FindingView) -> impl IntoView {
    let FindingView { org, purchase, what, mend } = finding;
    let which = match &purchase {
        Some(purchase) => {
            let purchase = purchase.clone();
            view! { "Purchase " <span class="font-mono">{purchase}</span> " of organization " }.into_any()
        }
        None => view! { "Organization " }.into_any(),
    };
    let (text, button) = match mend {
        MendView::TakeIn(text) => (
            text,
            Some(view! {
                <form method="post" action="/admin/reconciliation/mend">
                    <input type="hidden" name="org" value=org.clone() />
                    {purchase.map(|purchase| view! { <input type="hidden" name="purchase" value=purchase /> })}
                    <button type="submit" class="btn">
                        "Take in what Stripe says"
                    </button>
                </form>
            }),
        ),
        MendView::Person(text) => (text, None),
    };
    view! {
        <li class="card flex flex-wrap items-start justify-between gap-4">
            <div class="min-w-0">
                <h3 class="font-medium">{what}</h3>
                <p class="mt-1 max-w-xl">{text}</p>
                <p class="mt-2 text-sm text-muted wrap-anywhere">
                    {which} <span class="font-mono">{org}</span>
                </p>
            </div>
            {button}
        </li>
    }
}
