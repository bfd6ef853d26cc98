//! Actions on checkouts and payments, with their events. Each action does all checks before its first change.

use super::{
    error::SandboxError,
    ids::new_id,
    objects, payment_objects,
    records::{Charge, Dispute, DisputeStatus, Payment, Progress, Refund, Sale, Session, SessionMode},
    state::State,
};

impl State {
    pub(super) fn pay(&mut self, id: &str, now: i64) -> Result<(), SandboxError> {
        let session = self.open_session(id, now)?.clone();
        self.enter_billing_details(id);
        let progress = match &session.mode {
            SessionMode::Payment(_) if session.amount_cents() == 0 => {
                self.invoice_sale(id, None, now);
                Progress::Free
            }
            SessionMode::Payment(sale) => {
                let object_id = self.create_payment(sale.clone(), session.amount_cents());
                self.charge(&object_id, now);
                self.invoice_sale(id, Some(object_id.clone()), now);
                Progress::Paid { object_id }
            }
            SessionMode::Subscription(_) => Progress::Paid { object_id: self.sign_up(&session, true, now) },
        };
        self.set_progress(id, progress, "checkout.session.completed", now);
        Ok(())
    }

    pub(super) fn pay_later(&mut self, id: &str, now: i64) -> Result<(), SandboxError> {
        let session = self.open_session(id, now)?.clone();
        // Without an amount, as during a trial, no bank debit is pending.
        if session.amount_cents() == 0 {
            return self.pay(id, now);
        }
        self.enter_billing_details(id);
        let object_id = match &session.mode {
            SessionMode::Payment(sale) => self.create_payment(sale.clone(), session.amount_cents()),
            SessionMode::Subscription(_) => self.sign_up(&session, false, now),
        };
        self.set_progress(id, Progress::Processing { object_id }, "checkout.session.completed", now);
        Ok(())
    }

    /// Creates a session's subscription.
    fn sign_up(&mut self, session: &Session, by_card: bool, now: i64) -> String {
        let SessionMode::Subscription(signup) = &session.mode else { return String::new() };
        let subscription = self.subscribe(signup, session.terms(), by_card, now);
        let invoice = self.subscriptions.get(&subscription).and_then(|it| it.latest_invoice.clone());
        self.set_session_invoice(session, &invoice.unwrap_or_default());
        subscription
    }

    pub(super) fn succeed_debit(&mut self, session: &str, now: i64) -> Result<(), SandboxError> {
        let object_id = self.pending_object_id(session)?;
        match self.session(session)?.mode {
            SessionMode::Payment(_) => {
                self.charge(&object_id, now);
                self.invoice_sale(session, Some(object_id.clone()), now);
            }
            SessionMode::Subscription(_) => self.activate(&object_id, now)?,
        }
        self.set_progress(session, Progress::Paid { object_id }, "checkout.session.async_payment_succeeded", now);
        Ok(())
    }

    pub(super) fn fail_debit(&mut self, session: &str, now: i64) -> Result<(), SandboxError> {
        let object_id = self.pending_object_id(session)?;
        if let SessionMode::Subscription(_) = self.session(session)?.mode {
            self.expire_incomplete(&object_id, now);
        }
        self.set_progress(session, Progress::Failed { object_id }, "checkout.session.async_payment_failed", now);
        Ok(())
    }

    /// Expires a session, including one past its expiry time: that is when Stripe does it.
    pub(super) fn expire(&mut self, session: &str, now: i64) -> Result<(), SandboxError> {
        if self.session(session)?.progress != Progress::Open {
            return Err(SandboxError::WrongState("This checkout is no longer open."));
        }
        self.set_progress(session, Progress::Expired, "checkout.session.expired", now);
        Ok(())
    }

    pub(super) fn refund(&mut self, payment_intent: &str, cents: u64, now: i64) -> Result<(), SandboxError> {
        let (payment, charge) = self.payment_and_charge(payment_intent)?;
        let (payment_intent, charge) = (payment.id.clone(), charge.id.clone());
        let currency = payment.currency.clone();
        let rest_cents = payment.amount_cents.saturating_sub(self.refunded_cents(&payment_intent));
        if !(1..=rest_cents).contains(&cents) {
            return Err(SandboxError::Amount { rest_cents });
        }
        let (id, number) = (new_id("re_"), self.next_number());
        let intent = payment_intent.clone();
        let (created, amount_cents, failed) = (now, cents, false);
        let refund = Refund { id, number, created, payment_intent, charge, amount_cents, currency, failed };
        self.emit("refund.created", &payment_objects::refund(&refund), now);
        self.refunds.insert(refund.id.clone(), refund);
        self.emit_charge("charge.refunded", &intent, now);
        Ok(())
    }

    pub(super) fn fail_refund(&mut self, id: &str, now: i64) -> Result<(), SandboxError> {
        let refund = self.refunds.get_mut(id).ok_or_else(|| SandboxError::Unknown("refund", id.to_owned()))?;
        if refund.failed {
            return Err(SandboxError::WrongState("This refund has already failed."));
        }
        refund.failed = true;
        let object = payment_objects::refund(refund);
        self.emit("refund.failed", &object, now);
        self.emit("charge.refund.updated", &object, now);
        Ok(())
    }

    /// Opens a dispute or an inquiry (`status`) over `cents` of a payment, or all of it.
    pub(super) fn dispute(
        &mut self,
        payment_intent: &str,
        cents: Option<u64>,
        status: DisputeStatus,
        now: i64,
    ) -> Result<(), SandboxError> {
        let (payment, charge) = self.payment_and_charge(payment_intent)?;
        let rest_cents = payment.amount_cents;
        let amount_cents = cents.unwrap_or(rest_cents);
        if !(1..=rest_cents).contains(&amount_cents) {
            return Err(SandboxError::Amount { rest_cents });
        }
        let (payment_intent, charge) = (payment.id.clone(), charge.id.clone());
        let currency = payment.currency.clone();
        if self.disputes.values().any(|it| it.payment_intent == payment_intent && it.status.is_open()) {
            return Err(SandboxError::WrongState("This payment already has an open dispute."));
        }
        let (id, number) = (new_id("dp_"), self.next_number());
        let dispute = Dispute { id, number, created: now, payment_intent, charge, amount_cents, currency, status };
        self.emit("charge.dispute.created", &payment_objects::dispute(&dispute), now);
        self.disputes.insert(dispute.id.clone(), dispute);
        Ok(())
    }

    /// Closes a dispute. An inquiry closes without a winner.
    pub(super) fn close_dispute(&mut self, id: &str, won: bool, now: i64) -> Result<(), SandboxError> {
        let dispute = self.disputes.get_mut(id).ok_or_else(|| SandboxError::Unknown("dispute", id.to_owned()))?;
        dispute.status = match (dispute.status, won) {
            (DisputeStatus::NeedsResponse, true) => DisputeStatus::Won,
            (DisputeStatus::NeedsResponse, false) => DisputeStatus::Lost,
            (DisputeStatus::WarningNeedsResponse, _) => DisputeStatus::WarningClosed,
            _ => return Err(SandboxError::WrongState("This dispute is already closed.")),
        };
        let object = payment_objects::dispute(dispute);
        self.emit("charge.dispute.closed", &object, now);
        Ok(())
    }

    /// Creates a sale's payment intent. As at Stripe, it doesn't exist before the customer pays.
    fn create_payment(&mut self, sale: Sale, amount_cents: u64) -> String {
        let Sale { customer, item, currency, payment_metadata: metadata, .. } = sale;
        let id = new_id("pi_");
        let payment = Payment { id: id.clone(), customer, item, amount_cents, currency, metadata, charge: None };
        self.payments.insert(id.clone(), payment);
        id
    }

    /// Returns what a session with a pending bank debit created.
    fn pending_object_id(&self, session: &str) -> Result<String, SandboxError> {
        match &self.session(session)?.progress {
            Progress::Processing { object_id } => Ok(object_id.clone()),
            _ => Err(SandboxError::WrongState("This checkout has no pending bank debit.")),
        }
    }

    fn payment_and_charge(&self, payment_intent: &str) -> Result<(&Payment, &Charge), SandboxError> {
        let payment = self.payments.get(payment_intent);
        let payment = payment.ok_or_else(|| SandboxError::Unknown("payment", payment_intent.to_owned()))?;
        let charge = payment.charge.as_ref().ok_or(SandboxError::WrongState("This payment has not succeeded."))?;
        Ok((payment, charge))
    }

    pub(super) fn charge(&mut self, payment_intent: &str, now: i64) {
        if let Some(payment) = self.payments.get_mut(payment_intent) {
            payment.charge = Some(Charge { id: new_id("ch_"), created: now });
        }
        self.emit_charge("charge.succeeded", payment_intent, now);
    }

    fn emit_charge(&mut self, kind: &str, payment_intent: &str, now: i64) {
        let Ok((payment, charge)) = self.payment_and_charge(payment_intent) else { return };
        let object = payment_objects::charge(payment, charge, self.refunded_cents(payment_intent), &self.base);
        self.emit(kind, &object, now);
    }

    fn set_progress(&mut self, session: &str, progress: Progress, kind: &str, now: i64) {
        let Some(session) = self.sessions.get_mut(session) else { return };
        session.progress = progress;
        let object = objects::session(session, &self.base, now);
        self.emit(kind, &object, now);
    }
}
