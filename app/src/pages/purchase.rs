//! `/billing/purchases/:purchase`: one purchase and, once it is paid, its receipt, also for print.

use brightmeter::billing::{money::Money, payment::Stage};
use leptos::prelude::*;
use leptos_router::hooks::{use_params_map, use_query_map};

use crate::{
    components::{DocumentFacts, PaidFact, PaymentRecordFrame, StripeFact, Time, format_amounts, load},
    views::{
        Viewer,
        purchases::{PurchaseReceiptView, PurchaseView},
    },
};

/// One purchase.
#[component]
pub fn PurchasePage() -> impl IntoView {
    let id = use_params_map().with_untracked(|params| params.get("purchase")).unwrap_or_default();
    let query = use_query_map().get_untracked();
    let (back, canceled) = (query.get("from").is_some(), query.get("canceled").is_some());
    load(
        move |backend, who| async move { backend.purchase(&who, id, back).await },
        move |viewer, purchase| view! { <Purchase viewer purchase back canceled /> }.into_any(),
    )
}

#[component]
fn Purchase(viewer: Viewer, purchase: PurchaseView, back: bool, canceled: bool) -> impl IntoView {
    let organization = viewer.org.name.clone();
    let heading = match &purchase.receipt {
        Some(receipt) => format!("Receipt {} for {organization}", receipt.number),
        None => format!("Order for {organization}"),
    };
    let title = if purchase.receipt.is_some() { "Receipt" } else { "Order" };
    let tone = match purchase.stage {
        Stage::Paid => "receipt receipt-good",
        Stage::Open | Stage::Pending => "receipt",
        Stage::Expired | Stage::Failed => "receipt receipt-warn",
    };
    let PurchaseView { label, tokens, price, who, ordered_at, .. } = purchase.clone();
    view! {
        <PaymentRecordFrame viewer title heading tone>
            <State purchase=purchase.clone() back canceled />
            <dl class="facts mt-5">
                <div>
                    <dt>"Pack"</dt>
                    <dd>{label} ": " {format_amounts(&tokens)}</dd>
                </div>
                <div>
                    <dt>"Price"</dt>
                    <dd class="tabular-nums">{price.to_string()}</dd>
                </div>
                <div>
                    <dt>"Ordered by"</dt>
                    <dd>{who} ", " <Time when=ordered_at /></dd>
                </div>
                {purchase.receipt.map(|receipt| view! { <Paid receipt /> })}
                <div>
                    <dt>"Order"</dt>
                    <dd class="wrap-anywhere">{purchase.id}</dd>
                </div>
            </dl>
        </PaymentRecordFrame>
    }
}

/// The state of the purchase, and what happens next.
#[component]
fn State(purchase: PurchaseView, back: bool, canceled: bool) -> impl IntoView {
    let pay_link = purchase.pay.clone().map(|(url, until)| {
        view! {
            <p class="mt-4 flex flex-wrap items-center gap-3">
                <a class="btn" href=url>
                    "Continue to payment"
                </a>
                <span class="text-sm text-muted">"until " <Time when=until /></span>
            </p>
        }
    });
    let receipt = purchase.receipt.as_ref();
    let is_free = receipt.and_then(|receipt| receipt.paid).is_some_and(Money::is_zero);
    let returned = receipt.is_some_and(|receipt| !is_free && receipt.paid == Some(receipt.returned));
    let (headline, detail) = match purchase.stage {
        Stage::Paid if returned => {
            let detail = view! { <p>"The payment was refunded in full, and the tokens were removed."</p> };
            ("Refunded", detail.into_any())
        }
        Stage::Paid => {
            let credited =
                format!("{} were credited. Keep them until you spend them.", format_amounts(&purchase.tokens));
            let headline = if is_free { "Free of charge" } else { "Paid. Thank you." };
            (headline, view! { <p>{credited}</p> }.into_any())
        }
        Stage::Pending => {
            let detail = view! {
                <p>
                    "Your bank can take a few days to pay. We'll credit the tokens as soon as it does. You don't need to do anything."
                </p>
            };
            ("Payment processing", detail.into_any())
        }
        Stage::Open if canceled => {
            let detail = view! {
                <p>"You left before paying. Nothing was charged."</p>
                {pay_link}
            };
            ("Not paid", detail.into_any())
        }
        Stage::Open if back => {
            let detail = view! {
                <p>"Stripe hasn't confirmed the payment yet. We'll credit the tokens as soon as it does."</p>
                <p class="mt-4">
                    <a class="btn btn-quiet" href="?from=stripe">
                        "Check again"
                    </a>
                </p>
                {pay_link}
            };
            ("Waiting for confirmation", detail.into_any())
        }
        Stage::Open => {
            let detail = view! {
                <p>"Nothing was charged."</p>
                {pay_link}
            };
            ("Not paid yet", detail.into_any())
        }
        Stage::Expired => {
            let detail =
                view! { <p>"This order expired before it was paid. Nothing was charged. You can order again."</p> };
            ("Order expired", detail.into_any())
        }
        Stage::Failed => {
            let detail =
                view! { <p>"The bank didn't pay. Nothing was charged. Order again or use another payment method."</p> };
            ("Payment failed", detail.into_any())
        }
    };
    view! {
        <h2 id="state" class="text-xl font-semibold">
            {headline}
        </h2>
        <div class="mt-2">{detail}</div>
        {purchase
            .disputed
            .then(|| {
                view! {
                    <p class="notice mt-4">
                        "The payment is disputed with the bank. Until the dispute is decided, the pack's remaining tokens are set aside and can't be spent."
                    </p>
                }
            })}
    }
}

#[component]
fn Paid(receipt: PurchaseReceiptView) -> impl IntoView {
    let PurchaseReceiptView { number: _, at, paid, presented, returned, taken_back, put_aside, stripe_url, document } =
        receipt;
    let returned = (!returned.is_zero()).then(|| {
        let removed =
            if taken_back.is_empty() { String::new() } else { format!(", {} removed", format_amounts(&taken_back)) };
        view! {
            <div>
                <dt>"Refunded"</dt>
                <dd>{format!("{}{removed}", returned)}</dd>
            </div>
        }
    });
    let aside = (!put_aside.is_empty()).then(|| {
        view! {
            <div>
                <dt>"Set aside"</dt>
                <dd>{format_amounts(&put_aside)}</dd>
            </div>
        }
    });
    let stripe = stripe_url.map(|url| view! { <StripeFact url label="Stripe's receipt" /> });
    view! {
        <PaidFact paid presented at />
        <DocumentFacts document />
        {returned}
        {aside}
        {stripe}
    }
}
