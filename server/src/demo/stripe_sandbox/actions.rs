//! What people and banks do, and the events that tell of it. Each act checks everything before it changes anything.

use super::{
    SandboxError, objects,
    sessions::{Progress, Sale, Sells},
    state::{Charge, Dispute, Payment, Refund, Standing, State, new_id},
};

impl State {
    pub(super) fn pay(&mut self, session: &str, now: i64) -> Result<(), SandboxError> {
        let made = match self.open_session(session, now)?.sells.clone() {
            Sells::Payment(sale) => {
                let payment_intent = self.begin_payment(sale);
                self.charge(&payment_intent, now);
                payment_intent
            }
            Sells::Subscription(signup) => self.subscribe(&signup, true, now),
        };
        self.move_on(session, Progress::Paid { made }, "checkout.session.completed", now);
        Ok(())
    }

    pub(super) fn pay_later(&mut self, session: &str, now: i64) -> Result<(), SandboxError> {
        let progress = match self.open_session(session, now)?.sells.clone() {
            Sells::Payment(sale) => Progress::Processing { made: self.begin_payment(sale) },
            Sells::Subscription(signup) => {
                let made = self.subscribe(&signup, false, now);
                // During a trial there is nothing that the bank could be asked for.
                if signup.trial_days.is_some() { Progress::Paid { made } } else { Progress::Processing { made } }
            }
        };
        self.move_on(session, progress, "checkout.session.completed", now);
        Ok(())
    }

    pub(super) fn clear(&mut self, session: &str, now: i64) -> Result<(), SandboxError> {
        let made = self.processing(session)?;
        match self.session(session)?.sells {
            Sells::Payment(_) => self.charge(&made, now),
            Sells::Subscription(_) => self.start(&made, now)?,
        }
        self.move_on(session, Progress::Paid { made }, "checkout.session.async_payment_succeeded", now);
        Ok(())
    }

    pub(super) fn bounce(&mut self, session: &str, now: i64) -> Result<(), SandboxError> {
        let made = self.processing(session)?;
        if let Sells::Subscription(_) = self.session(session)?.sells {
            self.give_back(&made, now);
        }
        self.move_on(session, Progress::Bounced { made }, "checkout.session.async_payment_failed", now);
        Ok(())
    }

    /// Also past its time: that is when Stripe does so.
    pub(super) fn expire(&mut self, session: &str, now: i64) -> Result<(), SandboxError> {
        if self.session(session)?.progress != Progress::Open {
            return Err(SandboxError::WrongState("This checkout is no longer open."));
        }
        self.move_on(session, Progress::Expired, "checkout.session.expired", now);
        Ok(())
    }

    pub(super) fn refund(&mut self, payment_intent: &str, cents: u64, now: i64) -> Result<(), SandboxError> {
        let (payment, charge) = self.charged(payment_intent)?;
        let (payment_intent, charge) = (payment.id.clone(), charge.id.clone());
        let rest_cents = payment.amount_cents.saturating_sub(self.refunded_cents(&payment_intent));
        if !(1..=rest_cents).contains(&cents) {
            return Err(SandboxError::Amount { rest_cents });
        }
        let (id, number) = (new_id("re_"), self.number());
        let intent = payment_intent.clone();
        let refund = Refund { id, number, created: now, payment_intent, charge, amount_cents: cents, failed: false };
        self.emit("refund.created", &objects::refund(&refund), now);
        self.refunds.insert(refund.id.clone(), refund);
        self.emit_charge("charge.refunded", &intent, now);
        Ok(())
    }

    pub(super) fn fail_refund(&mut self, id: &str, now: i64) -> Result<(), SandboxError> {
        let refund = self.refunds.get_mut(id).ok_or_else(|| SandboxError::Unknown("refund", id.to_owned()))?;
        if refund.failed {
            return Err(SandboxError::WrongState("This refund has failed already."));
        }
        refund.failed = true;
        let object = objects::refund(refund);
        self.emit("refund.failed", &object, now);
        self.emit("charge.refund.updated", &object, now);
        Ok(())
    }

    pub(super) fn dispute(&mut self, payment_intent: &str, now: i64) -> Result<(), SandboxError> {
        let (payment, charge) = self.charged(payment_intent)?;
        let (amount_cents, payment_intent, charge) = (payment.amount_cents, payment.id.clone(), charge.id.clone());
        let is_open = |it: &Dispute| it.payment_intent == payment_intent && it.standing == Standing::NeedsResponse;
        if self.disputes.values().any(is_open) {
            return Err(SandboxError::WrongState("This payment is disputed already."));
        }
        let (id, number, standing) = (new_id("dp_"), self.number(), Standing::NeedsResponse);
        let dispute = Dispute { id, number, created: now, payment_intent, charge, amount_cents, standing };
        self.emit("charge.dispute.created", &objects::dispute(&dispute), now);
        self.disputes.insert(dispute.id.clone(), dispute);
        Ok(())
    }

    pub(super) fn close_dispute(&mut self, id: &str, won: bool, now: i64) -> Result<(), SandboxError> {
        let dispute = self.disputes.get_mut(id).ok_or_else(|| SandboxError::Unknown("dispute", id.to_owned()))?;
        if dispute.standing != Standing::NeedsResponse {
            return Err(SandboxError::WrongState("This dispute is closed already."));
        }
        dispute.standing = if won { Standing::Won } else { Standing::Lost };
        let object = objects::dispute(dispute);
        self.emit("charge.dispute.closed", &object, now);
        Ok(())
    }

    /// A payment intent for a sale; like Stripe's, it comes about only when somebody pays.
    fn begin_payment(&mut self, sale: Sale) -> String {
        let Sale { customer, item, amount_cents, payment_metadata: metadata, .. } = sale;
        let id = new_id("pi_");
        let payment = Payment { id: id.clone(), customer, item, amount_cents, metadata, charge: None };
        self.payments.insert(id.clone(), payment);
        id
    }

    /// What a session made whose bank was asked for the money.
    fn processing(&self, session: &str) -> Result<String, SandboxError> {
        match &self.session(session)?.progress {
            Progress::Processing { made } => Ok(made.clone()),
            _ => Err(SandboxError::WrongState("No bank has been asked to pay this checkout, or it has answered.")),
        }
    }

    fn charged(&self, payment_intent: &str) -> Result<(&Payment, &Charge), SandboxError> {
        let payment = self.payments.get(payment_intent);
        let payment = payment.ok_or_else(|| SandboxError::Unknown("payment", payment_intent.to_owned()))?;
        let charge = payment.charge.as_ref().ok_or(SandboxError::WrongState("This payment has brought no money."))?;
        Ok((payment, charge))
    }

    pub(super) fn charge(&mut self, payment_intent: &str, now: i64) {
        if let Some(payment) = self.payments.get_mut(payment_intent) {
            payment.charge = Some(Charge { id: new_id("ch_"), created: now });
        }
        self.emit_charge("charge.succeeded", payment_intent, now);
    }

    fn emit_charge(&mut self, kind: &str, payment_intent: &str, now: i64) {
        let Ok((payment, charge)) = self.charged(payment_intent) else { return };
        let object = objects::charge(payment, charge, self.refunded_cents(payment_intent), &self.base);
        self.emit(kind, &object, now);
    }

    fn move_on(&mut self, session: &str, progress: Progress, kind: &str, now: i64) {
        let Some(session) = self.sessions.get_mut(session) else { return };
        session.progress = progress;
        let object = objects::session(session, &self.base, now);
        self.emit(kind, &object, now);
    }
}
