//! `/billing/purchases`: orders and receipts of packs; `/billing/invoices`: receipts of plan payments.

use app::{
    backend::SignedIn,
    views::purchases::{
        DocumentView, InvoiceView, PaymentRecordView, PurchaseReceiptView, PurchaseView, PurchasesView,
    },
};
use brightmeter::{
    access::role::Action,
    billing::{
        document::InvoiceDocument,
        license::License,
        money::{Currency, Money},
        payment::{Credit, Lot, Stage},
        receipts::InvoiceReceipt,
    },
    catalog::Catalog,
    command::Caller,
    ids::PurchaseId,
    ledger::tokens::Tokens,
};

use super::{AppBackend, BackendError, Names, Wording, billing::labelled};
use crate::service::{
    org_reads::{Order, OrgReads},
    payment_history::PaymentHistoryItem,
};

/// The maximum number of payments on the page.
const PAGE_SIZE: i64 = 100;

pub(super) async fn purchases(backend: &AppBackend, who: &SignedIn) -> Result<PurchasesView, BackendError> {
    let wording = Wording::new(backend, who);
    who.authorize(Action::ViewPurchases)?;
    let mut reads = OrgReads::begin(&backend.pool, who.org).await?;
    let mut payments = reads.payment_history(PAGE_SIZE + 1).await?;
    let names = Names::load(&mut reads).await?;
    let more = i64::try_from(payments.len()).is_ok_and(|found| found > PAGE_SIZE);
    payments.truncate(PAGE_SIZE as usize);
    let views = payments.into_iter().map(|payment| match payment {
        PaymentHistoryItem::Pack(order) => {
            PaymentRecordView::Pack(Box::new(view(*order, &backend.reader.catalog, &names, wording)))
        }
        PaymentHistoryItem::Plan(payment) => PaymentRecordView::Plan(Box::new(invoice_view(payment, wording))),
    });
    Ok(PurchasesView { payments: views.collect(), more })
}

/// Loads one plan payment.
pub(super) async fn invoice(backend: &AppBackend, who: &SignedIn, id: &str) -> Result<InvoiceView, BackendError> {
    who.authorize(Action::ViewPurchases)?;
    let mut reads = OrgReads::begin(&backend.pool, who.org).await?;
    let payment = reads.plan_payment(id).await?.ok_or(BackendError::NotFound)?;
    Ok(invoice_view(payment, Wording::new(backend, who)))
}

/// Loads one purchase. If the user is `returning` from Stripe, first refreshes an unsettled order from there. If that
/// fails, its webhook event will update the order later.
pub(super) async fn purchase(
    backend: &AppBackend,
    who: &SignedIn,
    id: &str,
    returning: bool,
) -> Result<PurchaseView, BackendError> {
    who.authorize(Action::ViewPurchases)?;
    let id: PurchaseId = id.parse().map_err(|_| BackendError::NotFound)?;
    let find = async || {
        let mut reads = OrgReads::begin(&backend.pool, who.org).await?;
        let names = Names::load(&mut reads).await?;
        let order = reads.order(id).await?.ok_or(BackendError::NotFound)?;
        Ok::<_, BackendError>((order, names))
    };
    let (mut order, mut names) = find().await?;
    if returning {
        match backend.purchases.refresh_from_stripe(who.org, &order).await {
            Ok(true) => (order, names) = find().await?,
            Ok(false) => {}
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "an order could not be refreshed from Stripe");
            }
        }
    }
    let mut reads = OrgReads::begin(&backend.pool, who.org).await?;
    let sells = reads.license().await?.is_none_or(License::allows_purchases);
    let view = view(order, &backend.reader.catalog, &names, Wording::new(backend, who));
    // A suspended organization can't use the tokens, so it gets no payment link.
    Ok(PurchaseView { pay: view.pay.filter(|_| sells), ..view })
}

fn invoice_view(receipt: InvoiceReceipt, wording: Wording) -> InvoiceView {
    let InvoiceReceipt { invoice, number, at, paid, lines, url, stripe_number, document, credits } = receipt;
    let added = document.iter().flat_map(|document| &document.taxes).filter(|tax| !tax.is_included);
    let added = added.map(|tax| Money::new(tax.minor, paid.currency));
    let parts = lines.iter().map(|(_, amount)| *amount).chain(added);
    let rest = parts.into_iter().try_fold(paid, Money::checked_sub);
    InvoiceView {
        id: invoice,
        number,
        at: wording.local_time(at),
        paid,
        // Without line items there is no rest to show.
        rest: rest.filter(|rest| !lines.is_empty() && !rest.is_zero()),
        lines,
        stripe_url: url,
        stripe_number,
        document: document_view(document, credits, paid.currency),
    }
}

fn document_view(document: Option<Box<InvoiceDocument>>, credits: Vec<Money>, currency: Currency) -> DocumentView {
    let InvoiceDocument { pdf, seller, buyer, taxes } = document.map(|it| *it).unwrap_or_default();
    let taxes = taxes.into_iter().map(|tax| {
        let text = if tax.is_included { "Tax, included" } else { "Tax" };
        (text.to_owned(), Money::new(tax.minor, currency))
    });
    DocumentView {
        seller,
        buyer: buyer.name.into_iter().chain(buyer.address).chain(buyer.tax_ids).collect(),
        taxes: taxes.collect(),
        credits: credits.into_iter().map(|credit| Money { minor: -credit.minor, ..credit }).collect(),
        pdf_url: pdf,
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
            at: wording.local_time(*at),
            paid: purchase.paid(),
            presented: payment.presented,
            returned: purchase.returned(),
            taken_back: of_lots(|lot| lot.clawed_back),
            put_aside: of_lots(|lot| lot.frozen),
            stripe_url: payment.stripe_ids.receipt_url.clone(),
            document: document_view(payment.document.clone(), purchase.credits(), purchase.price.currency),
        }
    });
    let payable = checkout.filter(|checkout| payment.stage == Stage::Open && checkout.until > wording.now);
    PurchaseView {
        id: purchase.id.to_string(),
        label: purchase.label.clone(),
        tokens: labelled(catalog, |name| purchase.tokens.get(name).copied().unwrap_or_default()),
        price: purchase.price,
        who: names.caller(&Caller::Member { member }),
        ordered_at: wording.local_time(ordered_at),
        stage: payment.stage,
        pay: payable.map(|checkout| (checkout.url, wording.local_time(checkout.until))),
        receipt,
        disputed: payment.is_disputed(),
    }
}
