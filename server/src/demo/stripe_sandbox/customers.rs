//! Customers: deleted by hand.

use super::{Sandbox, error::SandboxError, objects, records::Customer, state::State};

impl Sandbox {
    /// Deletes a customer. Its subscriptions are canceled first.
    pub fn delete_customer(&self, customer: &str) -> Result<(), SandboxError> {
        self.change(|state, now| state.delete_customer(customer, now))
    }
}

impl State {
    pub(super) fn known_customer(&self, id: &str) -> Result<&Customer, SandboxError> {
        self.customers.get(id).ok_or_else(|| SandboxError::Unknown("customer", id.to_owned()))
    }

    pub(super) fn delete_customer(&mut self, id: &str, now: i64) -> Result<(), SandboxError> {
        self.known_customer(id)?;
        let running = self.subscriptions_of(id).into_iter().filter(|it| it.ended_at().is_none());
        let running: Vec<String> = running.map(|it| it.id.clone()).collect();
        for subscription in running {
            self.cancel(&subscription, now)?;
        }
        let Some(customer) = self.customers.remove(id) else { return Ok(()) };
        let object = objects::customer(&customer);
        self.deleted_customers.insert(id.to_owned(), customer);
        self.emit("customer.deleted", &object, now);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::demo::stripe_sandbox::testing::{MAY, emitted, on_pro};

    #[test]
    fn a_deleted_customer_is_unknown_and_has_no_running_subscription() {
        let mut state = on_pro(None);
        state.delete_customer("cus_1", MAY).unwrap();
        assert_eq!(emitted(&mut state), ["customer.subscription.deleted", "customer.deleted"]);
        let error = state.check_customer(Some("cus_1")).unwrap_err();
        let body = error.body();
        assert_eq!((error.status.as_u16(), &body["error"]["code"]), (400, &"resource_missing".into()));
        assert_eq!(
            (&body["error"]["param"], &body["error"]["message"]),
            (&"customer".into(), &"No such customer: 'cus_1'".into())
        );
        assert!(state.delete_customer("cus_1", MAY).is_err());
    }
}
