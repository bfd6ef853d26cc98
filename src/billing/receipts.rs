//! Receipts of plan invoices. Plans and packs share one numbering per organization.

use crate::{
    billing::{
        document::InvoiceDocument,
        invoices::{Invoice, InvoiceLine, Invoices},
        money::Money,
    },
    time::Instant,
};

/// The receipt of a paid invoice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvoiceReceipt {
    /// The invoice's Stripe id: `in_…`.
    pub invoice: String,
    /// The receipt number. Packs and plans share one sequence per organization.
    pub number: i64,
    /// When it was paid.
    pub at: Instant,
    /// The amount paid.
    pub paid: Money,
    /// The invoice's lines: description and amount, negative for a credit.
    pub lines: Vec<(String, Money)>,
    /// Stripe's hosted invoice page.
    pub url: Option<String>,
    /// Stripe's invoice number.
    pub stripe_number: Option<String>,
    /// Stripe's document; `None` for invoices that were recorded without it.
    pub document: Option<Box<InvoiceDocument>>,
    /// What went back to the customer: refunds and lost disputes.
    pub credits: Vec<Money>,
}

impl Invoices {
    /// Numbers the paid invoices of ours that have no receipt yet, from `next` on, in order of payment. `is_ours` decides
    /// by the subscription's Stripe id.
    pub fn number_receipts(&mut self, next: i64, is_ours: impl Fn(&str) -> bool) {
        let mut unnumbered: Vec<(Instant, &mut Option<i64>)> = Vec::new();
        for Invoice { paid, receipt, subscription, .. } in self.0.values_mut() {
            let is_ours = subscription.as_deref().is_none_or(&is_ours);
            if let Some(paid) = paid.as_ref().filter(|paid| paid.minor > 0 && receipt.is_none() && is_ours) {
                unnumbered.push((paid.at, receipt));
            }
        }
        // The sort is stable: payments of the same instant stay in order of their Stripe ids.
        unnumbered.sort_by_key(|(at, _)| *at);
        for (number, (_, receipt)) in (next..).zip(unnumbered) {
            *receipt = Some(number);
        }
    }

    /// Returns the receipts.
    pub fn receipts(&self) -> impl Iterator<Item = InvoiceReceipt> {
        self.0.iter().filter_map(|(id, invoice)| {
            let (number, paid) = (invoice.receipt?, invoice.paid.as_ref()?);
            let line = |line: &InvoiceLine| (line.text.clone(), invoice.money(line.minor));
            Some(InvoiceReceipt {
                invoice: id.clone(),
                number,
                at: paid.at,
                paid: invoice.money(paid.minor),
                lines: paid.lines.iter().map(line).collect(),
                url: paid.url.clone(),
                stripe_number: paid.number.clone(),
                document: invoice.payment.document.clone(),
                credits: invoice.payment.credits_minor().into_iter().map(|minor| invoice.money(minor)).collect(),
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::billing::invoices::{InvoiceStatus, Paid};

    fn at(day: u32) -> Instant {
        format!("2026-03-{day:02}T12:00:00Z").parse().unwrap()
    }

    fn paid(id: &str) -> Invoices {
        Invoices([(id.into(), Invoice { status: InvoiceStatus::Paid, ..Invoice::default() })].into())
    }

    fn paid_on(id: &str, day: u32, minor: u64) -> Invoices {
        let paid = Paid { at: at(day), minor, lines: Vec::new(), url: None, number: None };
        Invoices([(id.into(), Invoice { status: InvoiceStatus::Paid, paid: Some(paid), ..Invoice::default() })].into())
    }

    #[test]
    fn paid_invoices_are_numbered_once_in_order_of_payment() {
        let mut invoices = Invoices::default();
        let mut numbers = |facts: &[Invoices], next| {
            facts.iter().for_each(|facts| invoices.join(facts));
            invoices.number_receipts(next, |_| true);
            invoices.receipts().map(|it| format!("{}: {}", it.invoice, it.number)).collect::<Vec<_>>().join(", ")
        };
        let facts =
            [paid_on("in_1", 5, 1), paid_on("in_2", 4, 1), paid_on("in_3", 5, 1), paid_on("in_4", 3, 0), paid("in_5")];
        assert_eq!(numbers(&facts, 7), "in_1: 8, in_2: 7, in_3: 9");
        assert_eq!(numbers(&facts, 10), "in_1: 8, in_2: 7, in_3: 9");
        // A number stays, even if the invoice turns out to have been paid earlier.
        assert_eq!(numbers(&[paid_on("in_3", 2, 1), paid_on("in_5", 1, 1)], 10), "in_1: 8, in_2: 7, in_3: 9, in_5: 10");
    }

    #[test]
    fn an_invoice_of_another_product_has_no_receipt() {
        let mut invoices = paid_on("in_1", 5, 1);
        invoices.0.get_mut("in_1").unwrap().subscription = Some("sub_other".into());
        invoices.number_receipts(1, |subscription| subscription == "sub_1");
        assert_eq!(invoices.receipts().count(), 0);
    }
}
