-- The currency of an order. Until now, everything was charged in US dollars.

alter table ai_token_purchases
    -- ISO 4217, in lower case; price_cents counts its minor units
    add column currency text not null default 'usd'
        constraint ai_token_purchases_currency_is_code check (currency ~ '^[a-z]{3}$');
alter table ai_token_purchases alter column currency drop default;

alter table ai_token_plan_orders
    -- the currency to subscribe in
    add column currency text not null default 'usd'
        constraint ai_token_plan_orders_currency_is_code check (currency ~ '^[a-z]{3}$');
alter table ai_token_plan_orders alter column currency drop default;
