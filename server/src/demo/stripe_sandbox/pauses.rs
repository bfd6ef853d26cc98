//! Paused collection: invoices are still issued, but no money moves.

use serde::{Deserialize, Serialize};

use super::{Sandbox, billing_records::InvoiceStatus, collection::Collection, error::SandboxError, state::State};

/// The fate of invoices while their collection is paused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PauseBehavior {
    /// They stay drafts.
    KeepAsDraft,
    /// They are void.
    Void,
    /// They are uncollectible.
    MarkUncollectible,
}

/// A pause of a subscription's collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Pause {
    pub(super) behavior: PauseBehavior,
    /// When it ends. `None`: when it is ended by hand.
    pub(super) resumes_at: Option<i64>,
}

impl PauseBehavior {
    /// Stripe's name of the behavior.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::KeepAsDraft => "keep_as_draft",
            Self::Void => "void",
            Self::MarkUncollectible => "mark_uncollectible",
        }
    }

    /// Returns the behavior with this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        [Self::KeepAsDraft, Self::Void, Self::MarkUncollectible].into_iter().find(|it| it.name() == name)
    }
}

impl Sandbox {
    /// Pauses the collection of a subscription's invoices, until `resumes_at` (seconds since 1970) if it is set.
    pub fn pause_collection(
        &self,
        subscription: &str,
        behavior: PauseBehavior,
        resumes_at: Option<i64>,
    ) -> Result<(), SandboxError> {
        self.change(|state, now| state.set_pause(subscription, Some(Pause { behavior, resumes_at }), now))
    }

    /// Collects a subscription's invoices again. Drafts stay drafts.
    pub fn resume_collection(&self, subscription: &str) -> Result<(), SandboxError> {
        self.change(|state, now| state.set_pause(subscription, None, now))
    }

    /// Finalizes a draft and collects it.
    pub fn finalize_invoice(&self, invoice: &str) -> Result<(), SandboxError> {
        self.change(|state, now| state.finalize_invoice(invoice, now))
    }
}

impl State {
    pub(super) fn set_pause(&mut self, id: &str, pause: Option<Pause>, now: i64) -> Result<(), SandboxError> {
        self.not_ended(id)?.pause = pause;
        self.emit_subscription("customer.subscription.updated", id, now);
        Ok(())
    }

    /// Ends a pause at its time.
    pub(super) fn end_collection_pause(&mut self, id: &str, now: i64) {
        if let Some(it) = self.subscriptions.get_mut(id) {
            it.pause = None;
        }
        self.emit_subscription("customer.subscription.updated", id, now);
    }

    /// Sets an invoice aside instead of collecting it.
    pub(super) fn set_aside(&mut self, id: &str, behavior: PauseBehavior, now: i64) {
        let (status, kind) = match behavior {
            PauseBehavior::KeepAsDraft => (InvoiceStatus::Draft, "invoice.created"),
            PauseBehavior::Void => (InvoiceStatus::Void { at: now }, "invoice.voided"),
            PauseBehavior::MarkUncollectible => {
                (InvoiceStatus::Uncollectible { at: now }, "invoice.marked_uncollectible")
            }
        };
        if let Some(invoice) = self.invoices.get_mut(id) {
            invoice.status = status;
        }
        self.emit_invoice(kind, id, now);
    }

    fn finalize_invoice(&mut self, id: &str, now: i64) -> Result<(), SandboxError> {
        let invoice = self.invoices.get(id).ok_or_else(|| SandboxError::Unknown("invoice", id.to_owned()))?;
        if invoice.status != InvoiceStatus::Draft {
            return Err(SandboxError::WrongState("This invoice is not a draft."));
        }
        let (subscription, cents) = (invoice.subscription.clone(), invoice.amount_cents);
        let collection = self.subscriptions.get(&subscription).map(|it| self.collection(it, cents));
        if matches!(collection, Some(Collection::Paused(_))) {
            return Err(SandboxError::WrongState("The collection of this invoice is still paused."));
        }
        let before = self.subscriptions.get(&subscription).map(|it| it.status);
        if let Some(invoice) = self.invoices.get_mut(id) {
            (invoice.status, invoice.finalized_at) = (InvoiceStatus::Open { failed_at: None }, Some(now));
        }
        // Mailing an invoice emits this event, too.
        if !matches!(collection, Some(Collection::Mailed(_))) {
            self.emit_invoice("invoice.finalized", id, now);
        }
        self.collect(id, now);
        if self.subscriptions.get(&subscription).map(|it| it.status) != before {
            self.emit_subscription("customer.subscription.updated", &subscription, now);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::stripe_sandbox::{
        plans::DAY_SECONDS,
        subscription_objects,
        testing::{MAY, check, on_pro, subscription},
    };

    #[test]
    fn no_money_moves_while_collection_is_paused() {
        for (behavior, kind, status) in [
            (PauseBehavior::KeepAsDraft, "invoice.created", "draft"),
            (PauseBehavior::Void, "invoice.voided", "void"),
            (PauseBehavior::MarkUncollectible, "invoice.marked_uncollectible", "uncollectible"),
        ] {
            let mut state = on_pro(None);
            let id = subscription(&state).id;
            let pause = Pause { behavior, resumes_at: Some(MAY + 40 * DAY_SECONDS) };
            state.set_pause(&id, Some(pause), MAY).unwrap();
            let object = subscription_objects::subscription(&subscription(&state));
            assert_eq!(object["pause_collection"]["behavior"], behavior.name());
            state.advance(MAY + 45 * DAY_SECONDS);
            check(
                &mut state,
                &[
                    (0, "customer.subscription.updated"),
                    (31, kind),
                    (31, "customer.subscription.updated"),
                    (40, "customer.subscription.updated"),
                ],
            );
            let it = subscription(&state);
            assert_eq!((it.status.name(), it.pause), ("active", None));
            let invoice = it.latest_invoice.unwrap();
            assert_eq!(state.invoices[&invoice].status.name(), status);
            let finalized = state.finalize_invoice(&invoice, MAY + 45 * DAY_SECONDS);
            assert_eq!(finalized.is_ok(), behavior == PauseBehavior::KeepAsDraft);
            // The next renewal is paid.
            state.advance(MAY + 61 * DAY_SECONDS);
            let paid = if finalized.is_ok() { 3 } else { 2 };
            let is_paid = |name: &str| name == "paid";
            assert_eq!(state.invoices_of("cus_1").iter().filter(|it| is_paid(it.status.name())).count(), paid);
        }
    }
}
