//! The actions that the control panel's forms name.

use super::{DELIVERIES, FAULTS, Fields};
use crate::demo::stripe_sandbox::{PauseBehavior, Sandbox, pages::portal::card_of};

/// Performs the action that a form names.
pub(super) fn perform(sandbox: &Sandbox, fields: &Fields) -> Result<(), String> {
    let id = fields.get("id");
    let result = match (fields.get("action"), fields.get("value")) {
        ("refund", _) => sandbox.refund(id, refund_cents(sandbox, fields)?),
        ("fail_refund", _) => sandbox.fail_refund(id),
        ("dispute", _) => sandbox.dispute(id),
        ("close_dispute", "won") => sandbox.close_dispute(id, true),
        ("close_dispute", "lost") => sandbox.close_dispute(id, false),
        ("dispute_part", _) => sandbox.dispute_part(id, fields.number("amount_cents")?.unwrap_or_default()),
        ("inquire", _) => sandbox.inquire(id),
        ("succeed_debit", _) => sandbox.succeed_debit(id),
        ("fail_debit", _) => sandbox.fail_debit(id),
        ("expire", _) => sandbox.expire(id),
        ("card", value) => sandbox.set_card(id, card_of(value).ok_or("Unknown card.")?),
        ("mail_invoices", _) => sandbox.mail_invoices(id, Some(30)),
        ("charge_card", _) => sandbox.mail_invoices(id, None),
        ("pause_collection", behavior) => {
            let behavior = PauseBehavior::named(behavior).ok_or("Unknown behavior.")?;
            sandbox.pause_collection(id, behavior, None)
        }
        ("discount", _) => sandbox.discount(id, percent(fields)?),
        ("discount_session", _) => sandbox.discount_session(id, percent(fields)?),
        ("resume_collection", _) => sandbox.resume_collection(id),
        ("finalize_invoice", _) => sandbox.finalize_invoice(id),
        ("schedule_change", _) => sandbox.schedule_change(id, fields.get("price")).map(drop),
        ("resume_subscription", _) => sandbox.resume_subscription(id),
        ("pay_invoice", _) => sandbox.pay_invoice(id),
        ("decline_invoice", _) => sandbox.decline_invoice(id),
        ("void_invoice", _) => sandbox.void_invoice(id),
        ("mark_uncollectible", _) => sandbox.mark_uncollectible(id),
        ("cancel_subscription", _) => sandbox.cancel_subscription(id),
        ("cancel_at_period_end", _) => sandbox.cancel_at_period_end(id),
        ("create_price", _) => {
            let amount = fields.number("amount")?.unwrap_or_default();
            let (name, currency) = (fields.get("name"), fields.get("currency"));
            sandbox.create_price(name, amount, currency, fields.get("interval") == "year").map(drop)
        }
        ("subscribe", _) => sandbox.subscribe(fields.get("customer"), fields.get("price")).map(drop),
        ("add_metered_item", place) => {
            let units = fields.number("units")?.unwrap_or_default();
            sandbox.add_metered_item(id, place == "first", units).map(drop)
        }
        ("other_product", _) => sandbox.subscribe_to_other_product(fields.get("customer")).map(drop),
        ("set_billing_details", _) => {
            let tax_id = Some(fields.get("tax_id")).filter(|id| !id.is_empty()).map(|id| ("eu_vat", id));
            let (name, country) = (fields.get("name"), fields.get("country"));
            sandbox.set_billing_details(fields.get("customer"), name, country, tax_id)
        }
        ("delete_customer", _) => sandbox.delete_customer(fields.get("customer")),
        ("foreign_traffic", _) => {
            sandbox.emit_foreign_traffic();
            Ok(())
        }
        ("live_event", _) => sandbox.emit_live_event(),
        ("redeliver", _) => sandbox.redeliver(id),
        ("delivery", value) => {
            let chosen = DELIVERIES.iter().find(|it| it.1 == value).ok_or("Unknown delivery mode.")?;
            sandbox.set_delivery(chosen.0);
            Ok(())
        }
        ("fault", value) => {
            let chosen = FAULTS.iter().find(|it| it.1 == value).ok_or("Unknown fault.")?;
            sandbox.set_fault(chosen.0);
            Ok(())
        }
        _ => return Err("Unknown action.".into()),
    };
    result.map_err(|error| error.to_string())
}

/// Returns a discount in percent.
fn percent(fields: &Fields) -> Result<u8, String> {
    let percent = fields.number("percent")?.unwrap_or_default();
    u8::try_from(percent).map_err(|_| "A discount is at most 100 %.".into())
}

/// Returns the amount to refund: the rest of the payment if the form's field is empty.
fn refund_cents(sandbox: &Sandbox, fields: &Fields) -> Result<u64, String> {
    if let Some(cents) = fields.number("amount_cents")? {
        return Ok(cents);
    }
    let (state, id) = (sandbox.state(), fields.get("id"));
    let all = state.payments.get(id).map_or(0, |payment| payment.amount_cents);
    Ok(all.saturating_sub(state.refunded_cents(id)))
}
