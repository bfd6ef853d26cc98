//! `/billing/purchases`: orders and receipts; `/billing/invoices`: receipts for plans.

use app::{
    backend::SignedIn,
    views::purchases::{InvoiceView, PaymentRecordView, PurchaseReceiptView, PurchaseView, PurchasesView},
};
use brightmeter::{
    billing::payment::{Credit, Lot, Stage},
    catalog::Catalog,
    command::Caller,
    ids::PurchaseId,
    ledger::tokens::Tokens,
};

use super::{AppBackend, BackendError, Names, Wording, billing::labelled};
use crate::{
    service::payment_history::{self, PaymentRecord, PlanPayment},
    storage::{
        accounts,
        purchases::{self, Order},
        tenant,
    },
};

/// How many the page lists.
const PAGE_SIZE: i64 = 100;

pub(super) async fn purchases(backend: &AppBackend, who: &SignedIn) -> Result<PurchasesView, BackendError> {
    let wording = Wording::new(backend, who);
    if !who.viewer.manages() {
        return Err(BackendError::Forbidden);
    }
    let mut tx = tenant::begin(&backend.pool, who.org).await?;
    let mut bought = payment_history::list(&mut tx, who.org, PAGE_SIZE + 1).await?;
    let names = Names::load(&mut tx, who.org).await?;
    let more = i64::try_from(bought.len()).is_ok_and(|found| found > PAGE_SIZE);
    bought.truncate(PAGE_SIZE as usize);
    let views = bought.into_iter().map(|bought| match bought {
        PaymentRecord::Pack(order) => {
            PaymentRecordView::Pack(Box::new(view(*order, &backend.reader.catalog, &names, wording)))
        }
        PaymentRecord::Plan(payment) => PaymentRecordView::Plan(Box::new(invoice_view(payment, wording))),
    });
    Ok(PurchasesView { bought: views.collect(), more })
}

/// One payment for a plan.
pub(super) async fn invoice(backend: &AppBackend, who: &SignedIn, id: &str) -> Result<InvoiceView, BackendError> {
    if !who.viewer.manages() {
        return Err(BackendError::Forbidden);
    }
    let mut tx = tenant::begin(&backend.pool, who.org).await?;
    let payment = payment_history::find_plan_payment(&mut tx, who.org, id).await?.ok_or(BackendError::NotFound)?;
    Ok(invoice_view(payment, Wording::new(backend, who)))
}

/// One purchase. For whoever comes `back` from Stripe, it is asked how the order stands, if we do not know yet; what it does not
/// say now, its event will.
pub(super) async fn purchase(
    backend: &AppBackend,
    who: &SignedIn,
    id: &str,
    back: bool,
) -> Result<PurchaseView, BackendError> {
    if !who.viewer.manages() {
        return Err(BackendError::Forbidden);
    }
    let id: PurchaseId = id.parse().map_err(|_| BackendError::NotFound)?;
    let find = async || {
        let mut tx = tenant::begin(&backend.pool, who.org).await?;
        let names = Names::load(&mut tx, who.org).await?;
        let order = purchases::find(&mut tx, who.org, id).await?.ok_or(BackendError::NotFound)?;
        Ok::<_, BackendError>((order, names))
    };
    let (mut order, mut names) = find().await?;
    if back {
        match backend.purchases.look_again(who.org, &order).await {
            Ok(true) => (order, names) = find().await?,
            Ok(false) => {}
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "Stripe could not be asked about an order");
            }
        }
    }
    let mut tx = tenant::begin(&backend.pool, who.org).await?;
    let sells = accounts::find(&mut tx, who.org).await?.is_none_or(|found| found.account.terms.license.sells());
    let view = view(order, &backend.reader.catalog, &names, Wording::new(backend, who));
    // Nobody is led to pay for what they cannot use.
    Ok(PurchaseView { pay: view.pay.filter(|_| sells), ..view })
}

fn invoice_view(payment: PlanPayment, wording: Wording) -> InvoiceView {
    let PlanPayment { invoice, number, paid } = payment;
    let told = paid.lines.iter().fold(0, |sum: i64, line| sum.saturating_add(line.cents));
    let paid_cents = i64::try_from(paid.cents).unwrap_or(i64::MAX);
    InvoiceView {
        id: invoice,
        number,
        at: wording.when(paid.at),
        paid_cents: paid.cents,
        // Where it does not say what was paid for, nothing is left out of that.
        rest_cents: if paid.lines.is_empty() { 0 } else { paid_cents.saturating_sub(told) },
        lines: paid.lines.into_iter().map(|line| (line.text, line.cents)).collect(),
        stripe_url: paid.url,
        stripe_number: paid.number,
    }
}

fn view(order: Order, catalog: &Catalog, names: &Names, wording: Wording) -> PurchaseView {
    let Order { purchase, member, ordered_at, checkout } = order;
    let payment = &purchase.payment;
    let receipt = purchase.credit.as_ref().map(|Credit { number, at, lots }| {
        let of_lots = |value: fn(&Lot) -> Tokens| {
            labelled(catalog, |name| lots.iter().filter(|lot| lot.token_type == *name).map(value).sum())
        };
        PurchaseReceiptView {
            number: *number,
            at: wording.when(*at),
            paid_cents: payment.paid_cents,
            returned_cents: payment.returned_cents(),
            taken_back: of_lots(|lot| lot.clawed_back),
            put_aside: of_lots(|lot| lot.frozen),
            stripe_url: payment.stripe_ids.receipt_url.clone(),
        }
    });
    let payable = checkout.filter(|checkout| payment.stage == Stage::Open && checkout.until > wording.now);
    PurchaseView {
        id: purchase.id.to_string(),
        label: purchase.label.clone(),
        tokens: labelled(catalog, |name| purchase.tokens.get(name).copied().unwrap_or_default()),
        price_cents: purchase.price_cents,
        who: names.caller(&Caller::Member { member }),
        ordered_at: wording.when(ordered_at),
        stage: payment.stage,
        pay: payable.map(|checkout| (checkout.url, wording.when(checkout.until))),
        receipt,
        disputed: payment.is_disputed(),
    }
}
