//! `/billing/purchases`: orders and receipts.

use app::{
    backend::SignedIn,
    views::purchases::{PurchaseReceiptView, PurchaseView, PurchasesView},
};
use brightmeter::{
    catalog::Catalog,
    command::Caller,
    ids::PurchaseId,
    purchase::{Credit, Lot, Stage},
    tokens::Tokens,
};

use super::{Names, Portal, PortalError, Wording, billing::labelled};
use crate::storage::{purchases, purchases::Order, tenant};

/// How many the page lists.
const PAGE: i64 = 100;

pub(super) async fn purchases(portal: &Portal, who: &SignedIn) -> Result<PurchasesView, PortalError> {
    let wording = Wording::new(portal, who);
    if !who.viewer.manages() {
        return Err(PortalError::Forbidden);
    }
    let mut tx = tenant::begin(&portal.pool, who.org).await?;
    let mut orders = purchases::list(&mut tx, who.org, PAGE + 1).await?;
    let names = Names::load(&mut tx, who.org).await?;
    let more = i64::try_from(orders.len()).is_ok_and(|found| found > PAGE);
    orders.truncate(PAGE as usize);
    let views = orders.into_iter().map(|order| view(order, &portal.reader.catalog, &names, wording));
    Ok(PurchasesView { purchases: views.collect(), more })
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
    Ok(view(order, &portal.reader.catalog, &names, Wording::new(portal, who)))
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
