//! `/billing/purchases`: packs that were ordered and invoices that were paid.

use brightmeter::billing::{money::Money, payment::Stage};
use leptos::prelude::*;

use crate::{
    components::{Date, Frame, Section, format_amounts, load},
    views::{
        Viewer,
        purchases::{InvoiceView, PaymentRecordView, PurchaseView, PurchasesView},
    },
};

/// The organization's purchases.
#[component]
pub fn PurchasesPage() -> impl IntoView {
    load(
        |backend, who| async move { backend.purchases(&who).await },
        |viewer, view| view! { <Purchases viewer view /> }.into_any(),
    )
}

#[component]
fn Purchases(viewer: Viewer, view: PurchasesView) -> impl IntoView {
    let PurchasesView { payments, more } = view;
    let list = match payments.is_empty() {
        true => view! {
            <div class="empty mt-6">
                <p class="font-medium text-ink">"No purchases yet"</p>
                <p class="mt-1">"Your purchases and receipts appear here."</p>
            </div>
        }
        .into_any(),
        false => {
            let items = payments.into_iter().map(|payment| match payment {
                PaymentRecordView::Pack(purchase) => {
                    let purchase = *purchase;
                    view! { <Pack purchase /> }.into_any()
                }
                PaymentRecordView::Plan(invoice) => {
                    let invoice = *invoice;
                    view! { <Plan invoice /> }.into_any()
                }
            });
            view! {
                <ul class="mt-6 grid gap-3">{items.collect_view()}</ul>
                {more.then(|| view! { <p class="mt-3 text-muted">"Download the CSV to see older purchases."</p> })}
                <p class="mt-6">
                    <a class="btn btn-quiet" href="/billing/purchases.csv">
                        "Download CSV"
                    </a>
                </p>
            }
            .into_any()
        }
    };
    view! {
        <Frame viewer section=Section::Billing title="Purchases">
            <p>
                <a class="link" href="/billing">
                    "Plans and packs"
                </a>
            </p>
            <h1 class="mt-2 text-3xl font-semibold tracking-tight">"Purchases"</h1>
            {list}
        </Frame>
    }
}

#[component]
fn Pack(purchase: PurchaseView) -> impl IntoView {
    let PurchaseView { id, label, tokens, price, who, ordered_at, stage, receipt, disputed, pay: _ } = purchase;
    let returned = receipt.as_ref().is_some_and(|receipt| !receipt.returned.is_zero());
    let amount = receipt.as_ref().and_then(|receipt| receipt.paid).unwrap_or(price);
    let (tag, tone) = match stage {
        Stage::Paid if disputed => ("Disputed", "tag tag-warn"),
        Stage::Paid if returned => ("Paid, refunded in part", "tag"),
        Stage::Paid if amount.is_zero() => ("Free of charge", "tag tag-accent"),
        Stage::Paid => ("Paid", "tag tag-accent"),
        Stage::Pending => ("Processing", "tag"),
        Stage::Open => ("Not paid yet", "tag"),
        Stage::Expired => ("Expired", "tag"),
        Stage::Failed => ("Failed", "tag tag-warn"),
    };
    let number = receipt.map(|receipt| format!("Receipt {} · ", receipt.number));
    view! {
        <Line href=format!("/billing/purchases/{id}") label amount tag tone>
            <p class="mt-1 text-sm text-muted">{format_amounts(&tokens)}</p>
            <p class="mt-1 text-sm text-muted">{number} <Date when=ordered_at /> " · " {who}</p>
        </Line>
    }
}

#[component]
fn Plan(invoice: InvoiceView) -> impl IntoView {
    let InvoiceView { id, number, at, paid, lines, .. } = invoice;
    let lines: Vec<String> = lines.into_iter().map(|(text, _)| text).collect();
    let description =
        (!lines.is_empty()).then(|| view! { <p class="mt-1 text-sm wrap-anywhere text-muted">{lines.join(", ")}</p> });
    view! {
        <Line href=format!("/billing/invoices/{id}") label="Plan" amount=paid tag="Paid" tone="tag tag-accent">
            {description}
            <p class="mt-1 text-sm text-muted">{format!("Receipt {number} · ")} <Date when=at /></p>
        </Line>
    }
}

/// A line of the list: label, amount and state. The children are further details.
#[component]
fn Line(
    href: String,
    #[prop(into)] label: String,
    amount: Money,
    tag: &'static str,
    tone: &'static str,
    children: Children,
) -> impl IntoView {
    view! {
        <li class="card flex flex-wrap items-start justify-between gap-4">
            <div class="min-w-0">
                <h2 class="font-medium">
                    <a class="link" href=href>
                        {label}
                    </a>
                </h2>
                {children()}
            </div>
            <p class="flex items-center gap-3">
                <span class="font-medium tabular-nums">{amount.to_string()}</span>
                <span class=tone>{tag}</span>
            </p>
        </li>
    }
}
