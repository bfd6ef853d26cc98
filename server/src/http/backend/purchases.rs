//! `/billing/purchases`: orders and receipts; `/billing/invoices`: receipts for plans.

use app::{
    backend::SignedIn,
    views::purchases::{BoughtView, InvoiceView, PurchaseReceiptView, PurchaseView, PurchasesView},
};
use brightmeter::{
    billing::payment::{Credit, Lot, Stage},
    catalog::Catalog,
    command::Caller,
    ids::PurchaseId,
    ledger::tokens::Tokens,
};

use super::{Names, Portal, PortalError, Wording, billing::labelled};
use crate::{
    service::payment_history::{self, Bought, PlanPayment},
    storage::{
        accounts,
        purchases::{self, Order},
        tenant,
    },
};

/// How many the page lists.
const PAGE: i64 = 100;

pub(super) async fn purchases(portal: &Portal, who: &SignedIn) -> Result<PurchasesView, PortalError> {
    let wording = Wording::new(portal, who);
    if !who.viewer.manages() {
        return Err(PortalError::Forbidden);
    }
    let mut tx = tenant::begin(&portal.pool, who.org).await?;
    let mut bought = payment_history::list(&mut tx, who.org, PAGE + 1).await?;
    let names = Names::load(&mut tx, who.org).await?;
    let more = i64::try_from(bought.len()).is_ok_and(|found| found > PAGE);
    bought.truncate(PAGE as usize);
    let views = bought.into_iter().map(|bought| match bought {
        Bought::Pack(order) => BoughtView::Pack(Box::new(view(*order, &portal.reader.catalog, &names, wording))),
        Bought::Plan(payment) => BoughtView::Plan(Box::new(invoice_view(payment, wording))),
    });
    Ok(PurchasesView { bought: views.collect(), more })
}

/// One payment for a plan.
pub(super) async fn invoice(portal: &Portal, who: &SignedIn, id: &str) -> Result<InvoiceView, PortalError> {
    if !who.viewer.manages() {
        return Err(PortalError::Forbidden);
    }
    let mut tx = tenant::begin(&portal.pool, who.org).await?;
    let payment = payment_history::find_plan_payment(&mut tx, who.org, id).await?.ok_or(PortalError::NotFound)?;
    Ok(invoice_view(payment, Wording::new(portal, who)))
}

/// One purchase. For whoever comes `back` from Stripe, it is asked how the order stands, if we do not know yet; what it does not
/// say now, its event will.
pub(super) async fn purchase(
    portal: &Portal,
    who: &SignedIn,
    id: &str,
    back: bool,
) -> Result<PurchaseView, PortalError> {
    if !who.viewer.manages() {
        return Err(PortalError::Forbidden);
    }
    let id: PurchaseId = id.parse().map_err(|_| PortalError::NotFound)?;
    let find = async || {
        let mut tx = tenant::begin(&portal.pool, who.org).await?;
        let names = Names::load(&mut tx, who.org).await?;
        let order = purchases::find(&mut tx, who.org, id).await?.ok_or(PortalError::NotFound)?;
        Ok::<_, PortalError>((order, names))
    };
    let (mut order, mut names) = find().await?;
    if back {
        match portal.purchases.look_again(who.org, &order).await {
            Ok(true) => (order, names) = find().await?,
            Ok(false) => {}
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "Stripe could not be asked about an order");
            }
        }
    }
    let mut tx = tenant::begin(&portal.pool, who.org).await?;
    let sells = accounts::find(&mut tx, who.org).await?.is_none_or(|found| found.account.terms.license.sells());
    let view = view(order, &portal.reader.catalog, &names, Wording::new(portal, who));
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
            stripe_url: payment.names.receipt_url.clone(),
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
