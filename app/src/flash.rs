//! Flash messages: the result of a form, shown once on the next page. The URL carries it, as in `?flash=quest-done`.

/// A flash message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flash {
    /// A quest was marked done.
    QuestDone,
    /// A quest was reopened.
    QuestOpen,
    /// The password was changed, and all other sessions ended.
    PasswordChanged,
    /// An API key was revoked.
    KeyRevoked,
    /// A plan change was accepted.
    PlanChosen,
    /// The user left Stripe Checkout before paying.
    CheckoutLeft,
    /// A Stripe event was queued for another try.
    EventReplayed,
    /// Staff suspended a license.
    LicenseSuspended,
    /// Staff lifted a suspension.
    SuspensionLifted,
    /// The session switched to another organization.
    Switched,
    /// The session ended.
    SignedOut,
    /// All sessions of the user ended.
    SignedOutEverywhere,
    /// A form was posted without a session, so nothing was done.
    SessionEnded,
}

impl Flash {
    const ALL: [Self; 13] = [
        Self::QuestDone,
        Self::QuestOpen,
        Self::PasswordChanged,
        Self::KeyRevoked,
        Self::PlanChosen,
        Self::CheckoutLeft,
        Self::EventReplayed,
        Self::LicenseSuspended,
        Self::SuspensionLifted,
        Self::Switched,
        Self::SignedOut,
        Self::SignedOutEverywhere,
        Self::SessionEnded,
    ];

    /// The value of the query parameter.
    const fn name(self) -> &'static str {
        match self {
            Self::QuestDone => "quest-done",
            Self::QuestOpen => "quest-open",
            Self::PasswordChanged => "password-changed",
            Self::KeyRevoked => "key-revoked",
            Self::PlanChosen => "plan-chosen",
            Self::CheckoutLeft => "checkout-left",
            Self::EventReplayed => "event-replayed",
            Self::LicenseSuspended => "license-suspended",
            Self::SuspensionLifted => "suspension-lifted",
            Self::Switched => "switched",
            Self::SignedOut => "signed-out",
            Self::SignedOutEverywhere => "signed-out-everywhere",
            Self::SessionEnded => "session-ended",
        }
    }

    /// Returns the message with the name, or `None` if it is unknown.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|flash| flash.name() == name)
    }

    /// Returns the URL of `page` with this message. `page` is a path, optionally with a query, without a fragment.
    pub fn on(self, page: &str) -> String {
        let (path, query) = page.split_once('?').unwrap_or((page, ""));
        let others = query.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("flash="));
        let pairs: Vec<&str> = others.collect();
        let flash = format!("flash={}", self.name());
        match pairs.is_empty() {
            true => format!("{path}?{flash}"),
            false => format!("{path}?{}&{flash}", pairs.join("&")),
        }
    }

    /// The headline. The document title starts with it, so that a screen reader reads it first.
    pub const fn headline(self) -> &'static str {
        match self {
            Self::QuestDone => "Marked done",
            Self::QuestOpen => "Reopened",
            Self::PasswordChanged => "Password changed",
            Self::KeyRevoked => "API key revoked",
            Self::PlanChosen => "Plan changed",
            Self::CheckoutLeft => "Checkout canceled",
            Self::EventReplayed => "Event replayed",
            Self::LicenseSuspended => "License suspended",
            Self::SuspensionLifted => "Suspension lifted",
            Self::Switched => "Organization switched",
            Self::SignedOut => "Signed out",
            Self::SignedOutEverywhere => "Signed out everywhere",
            Self::SessionEnded => "Your session has ended",
        }
    }

    /// The consequence, if it needs an explanation.
    pub const fn detail(self) -> Option<&'static str> {
        match self {
            Self::PasswordChanged => Some("Your other sessions have ended."),
            Self::KeyRevoked => Some("Services that use it are now refused."),
            Self::PlanChosen => Some("See below what applies now and what changes at the next reset."),
            Self::CheckoutLeft => Some("You left before paying. Nothing was charged."),
            Self::EventReplayed => Some("It's processed in a moment. Then you'll find it under its new state."),
            Self::LicenseSuspended => Some("All AI has stopped for this organization."),
            Self::SuspensionLifted => Some("The license follows its invoices and subscription again."),
            Self::SignedOutEverywhere => Some("All your sessions have ended."),
            Self::SessionEnded => Some("Nothing was sent. Sign in and try again."),
            Self::QuestDone | Self::QuestOpen | Self::Switched | Self::SignedOut => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_has_one_flash_message_and_keeps_its_other_parameters() {
        assert_eq!(Flash::SignedOut.on("/signin"), "/signin?flash=signed-out");
        assert_eq!(Flash::QuestOpen.on("/quests?job=7"), "/quests?job=7&flash=quest-open");
        assert_eq!(Flash::QuestDone.on("/quests?flash=quest-open&job=7"), "/quests?job=7&flash=quest-done");
    }

    #[test]
    fn every_message_is_found_by_its_name() {
        for flash in Flash::ALL {
            assert_eq!(Flash::find(flash.name()), Some(flash));
        }
        assert_eq!(Flash::find("unknown"), None);
    }
}
