//! Refusals: why not, until when, and what to do.

use brightmeter::access::refusal::{Action, Refusal};
use leptos::prelude::*;

use crate::{components::Time, views::RefusalView};

/// Why something is not to be had, and the way out.
#[component]
pub fn RefusalNotice(
    /// Why.
    refused: RefusalView,
    /// Whether it answers something that was just tried.
    #[prop(optional)]
    alert: bool,
    /// The element's id, for `aria-describedby`.
    #[prop(optional)]
    id: Option<&'static str>,
) -> impl IntoView {
    let RefusalView { refusal, until } = refused;
    let way_out = way_out(&refusal).map(|(label, address)| {
        view! {
            <p class="mt-3">
                <a class="btn btn-small" href=address>
                    {label}
                </a>
            </p>
        }
    });
    let until = until.map(|when| {
        let lead = until_lead(&refusal);
        view! { <p class="mt-1">{lead} " " <Time when=when.clone() /> " (" {when.relative} ")."</p> }
    });
    view! {
        <div id=id role=alert.then_some("alert") class="notice notice-warn">
            <p class="font-semibold">{title(&refusal)}</p>
            <p class="mt-1">{explanation(&refusal)}</p>
            {until}
            {way_out}
        </div>
    }
}

fn title(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::AccountClosed { .. } => "This account is closed",
        Refusal::Blocked { .. } => "You are blocked for a while",
        Refusal::FeatureNotInPlan { .. } => "Not part of your plan",
        Refusal::LicenseSuspended { .. } => "AI is limited: an invoice is unpaid",
        Refusal::LicenseStopped { .. } => "AI is suspended",
        Refusal::AlreadySuspended => "It is suspended already",
        Refusal::NotSuspended => "It is not suspended by staff",
        Refusal::RateLimited { .. } | Refusal::TooFrequent { .. } => "A little too fast",
        Refusal::QuotaReached { .. } => "Your monthly limit is reached",
        Refusal::InsufficientTokens { .. } => "Not enough tokens",
        _ => "That is not possible",
    }
}

fn explanation(refusal: &Refusal) -> String {
    match refusal {
        Refusal::AccountClosed { .. } => "Nothing can be spent any more. Ask support if that is a mistake.".into(),
        Refusal::Blocked { .. } => {
            "There were too many failed attempts. Nothing was charged. Ask support if you cannot wait.".into()
        }
        Refusal::FeatureNotInPlan { feature, plan, needs } => {
            let (feature, plan, needs) = (words(feature.as_str()), words(plan.as_str()), words(needs.as_str()));
            format!("{feature} is part of the {needs} plan and up; your organization is on {plan}.")
        }
        Refusal::LicenseSuspended { .. } => {
            "Paying it restores everything at once. Ask an owner of your organization.".into()
        }
        Refusal::LicenseStopped { .. } => {
            "Support has suspended it for your organization. Nothing was charged, and your tokens stay. Ask support."
                .into()
        }
        Refusal::AlreadySuspended | Refusal::NotSuspended => {
            "Nothing was changed. What happened meanwhile, and who did it, stands in the list below.".into()
        }
        Refusal::RateLimited { requests, window_seconds, .. } => {
            format!(
                "At most {requests} requests in {window_seconds} seconds. Nothing was charged; try again in a moment."
            )
        }
        Refusal::TooFrequent { interval_seconds, .. } => {
            format!("Please leave {interval_seconds} seconds between two requests. Nothing was charged; try again.")
        }
        Refusal::QuotaReached { remaining, .. } => {
            format!("{remaining} tokens are left under your limit. An owner or admin can raise it.")
        }
        Refusal::InsufficientTokens { needed, available, withheld, .. } if !withheld.is_zero() => {
            format!(
                "It takes {needed} and {available} are available; {withheld} more come back when the open invoice is paid."
            )
        }
        Refusal::InsufficientTokens { needed, available, .. } => {
            format!("It takes {needed} and {available} are available. Nothing was charged.")
        }
        other => other.to_string(),
    }
}

fn until_lead(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::InsufficientTokens { .. } => "The next allowance comes on",
        Refusal::QuotaReached { .. } => "It starts anew on",
        _ => "Try again from",
    }
}

fn way_out(refusal: &Refusal) -> Option<(&'static str, &'static str)> {
    let label = match refusal.action() {
        Action::Upgrade => "Upgrade",
        Action::BuyTokens => "Buy tokens",
        Action::PayInvoice => "Go to billing",
        Action::Wait | Action::AskSupport | Action::MendRequest => "",
    };
    action_address(refusal).map(|address| (label, address))
}

/// The page where something can be done about it, if there is one.
pub fn action_address(refusal: &Refusal) -> Option<&'static str> {
    match refusal.action() {
        Action::Upgrade | Action::PayInvoice => Some("/billing"),
        Action::BuyTokens => Some("/billing#packs"),
        Action::Wait | Action::AskSupport | Action::MendRequest => None,
    }
}

/// A catalog name as people read it: `quest_generation` becomes `Quest generation`.
fn words(name: &str) -> String {
    let mut letters = name.chars().map(|letter| if letter == '_' { ' ' } else { letter });
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feature_outside_the_plan_is_named_in_words_with_the_way_to_it() {
        let name = |text: &str| text.to_owned();
        let refusal = Refusal::FeatureNotInPlan {
            feature: name("quest_generation").try_into().unwrap(),
            plan: name("starter").try_into().unwrap(),
            needs: name("pro").try_into().unwrap(),
        };
        assert_eq!(
            explanation(&refusal),
            "Quest generation is part of the Pro plan and up; your organization is on Starter."
        );
        assert_eq!(way_out(&refusal), Some(("Upgrade", "/billing")));
    }

    #[test]
    fn what_staff_have_suspended_leads_to_support_and_to_nothing_that_is_paid() {
        let refusal = Refusal::LicenseStopped { since: "2026-03-10T09:00:00Z".parse().unwrap() };
        assert!(explanation(&refusal).ends_with("Ask support."));
        assert_eq!(way_out(&refusal), None);
    }
}
