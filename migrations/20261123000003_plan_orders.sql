-- Plans that were chosen: to be subscribed to, or to change a subscription to. A row is the intent, recorded before Stripe is asked.
create table ai_token_plan_orders (
    org_id uuid not null constraint ai_token_plan_orders_account_fkey references ai_token_accounts (org_id),
    id uuid not null,
    plan text not null,
    member_id uuid not null,
    ordered_at timestamptz not null,
    -- Stripe's page to subscribe on, and until when
    session_id text,
    checkout_url text,
    checkout_until timestamptz,
    -- when the subscription was changed, or its page closed
    done_at timestamptz,
    constraint ai_token_plan_orders_pkey primary key (org_id, id),
    constraint ai_token_plan_orders_member_fkey foreign key (org_id, member_id) references members (org_id, id)
);
create index ai_token_plan_orders_ordered_idx on ai_token_plan_orders (org_id, ordered_at desc);

alter table ai_token_plan_orders enable row level security;
alter table ai_token_plan_orders force row level security;
create policy ai_token_plan_orders_tenant on ai_token_plan_orders
    using (org_id = any ((select string_to_array(nullif(current_setting('app.org_id', true), ''), ',')::uuid[])::uuid[]))
    with check (org_id = any ((select string_to_array(nullif(current_setting('app.org_id', true), ''), ',')::uuid[])::uuid[]));
