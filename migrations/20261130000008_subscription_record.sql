-- The record of all subscriptions of a customer, instead of the newest one only; instants of plan changes and of overdue
-- payments; and earlier Stripe customers of an organization.

alter table ai_token_accounts
    -- when next_plan starts
    add column next_plan_from timestamptz,
    -- since when a payment is overdue, or from when on it will be
    add column overdue_from timestamptz,
    -- a billing period that starts at or after this instant has no allowance until it is paid
    add column allowance_until timestamptz;

-- The policies hide all rows from the owner.
alter table ai_token_accounts no force row level security;
-- Until now, a next plan always started at the reset: one month after the start of the current period, counted from the
-- anchor. Grace ended after 14 days in every catalog so far.
update ai_token_accounts set next_plan_from = (anchor_at at time zone 'UTC' + make_interval(months =>
    12 * (extract(year from period_start at time zone 'UTC') - extract(year from anchor_at at time zone 'UTC'))::int
    + (extract(month from period_start at time zone 'UTC') - extract(month from anchor_at at time zone 'UTC'))::int
    + 1)) at time zone 'UTC'
where next_plan is not null and period_start is not null;
update ai_token_accounts set next_plan_from = anchor_at where next_plan is not null and period_start is null;
update ai_token_accounts set overdue_from = license_since where license_state = 'grace';
update ai_token_accounts set overdue_from = license_since - interval '14 days' where license_state = 'suspended';
alter table ai_token_accounts force row level security;
alter table ai_token_accounts
    add constraint ai_token_accounts_next_plan_has_start check ((next_plan is null) = (next_plan_from is null));

drop function read_account(uuid, uuid, uuid, uuid);
-- Reads an account with its balances and grants, a guard, an API key, and whether a member exists.
create function read_account(org uuid, guard_id uuid, key_id uuid, named_member uuid)
returns table (
    plan text, next_plan text, next_plan_from timestamptz, license_state text, license_since timestamptz,
    license_off text, overdue_from timestamptz, allowance_until timestamptz, anchor_at timestamptz,
    period_start timestamptz, closed_at timestamptz, seq bigint, head_hash bytea, due_at timestamptz,
    balances json, grants json, guard json, api_key json, member_found boolean
)
language plpgsql as $$
#variable_conflict use_column
begin
    perform set_config('app.org_id', org::text, true);
    return query
    select a.plan, a.next_plan, a.next_plan_from, a.license_state, a.license_since, a.license_off, a.overdue_from,
        a.allowance_until, a.anchor_at, a.period_start, a.closed_at, a.seq, a.head_hash,
        case when isfinite(a.due_at) then a.due_at end,
        (select json_agg(b) from ai_tokens b where b.org_id = org),
        -- grants with tokens left, and the allowances of the current period even if they are used up
        (select json_agg(g) from (
            select * from ai_token_grants where org_id = org and remaining > 0
            union all
            select * from ai_token_grants
            where org_id = org and source = 'plan' and period_start = a.period_start and remaining = 0
        ) g),
        (select to_json(c) from ai_token_guards c where c.org_id = org and c.caller_id = guard_id),
        (select to_json(k) from (
            select org_id, id, name, shown, scope, created_at, expires_at, last_used_at, revoked_at
            from api_keys where org_id = org and id = key_id
        ) k),
        exists (select from members m where m.org_id = org and m.id = named_member)
    from ai_token_accounts a where a.org_id = org;
end
$$;

-- {"number": …, "by_id": {"sub_…": {"latest": {…}, "plans_seen": {…}, "overdue_since": …}}, "in_force": …, "ended_at": …}
alter table invoices rename column subscription to subscriptions;
alter table invoices no force row level security;
update invoices set subscriptions = jsonb_build_object(
    'number', subscriptions -> 'number',
    'in_force', subscriptions -> 'live' -> 'id',
    'ended_at', subscriptions -> 'ended_at',
    'by_id', case jsonb_typeof(subscriptions -> 'live') when 'object' then jsonb_build_object(
        subscriptions -> 'live' ->> 'id', jsonb_build_object(
            'plans_seen', '{}'::jsonb,
            'overdue_since', null,
            'latest', jsonb_build_object(
                'id', subscriptions -> 'live' -> 'id',
                'status', 'active',
                'created_at', subscriptions -> 'live' -> 'anchor',
                'anchor', subscriptions -> 'live' -> 'anchor',
                'lines', jsonb_build_array(jsonb_build_object(
                    'item', subscriptions -> 'live' -> 'item',
                    'plan', subscriptions -> 'live' -> 'plan',
                    'start', subscriptions -> 'live' -> 'anchor',
                    'end', to_jsonb((subscriptions -> 'live' ->> 'anchor')::timestamptz + interval '1 month')
                )),
                'collection_paused', false,
                'is_mailed', false
            )
        )
    ) else '{}'::jsonb end
) where subscriptions is not null;
-- {"in_…": {"status": "open", "failed_at": …}}
update invoices i set invoices = coalesce((
    select jsonb_object_agg(key, value - 'closed' || jsonb_build_object(
        'status', case when (value ->> 'closed')::boolean then 'paid' else 'open' end,
        'paid_at', value -> 'paid' -> 'at'
    )) from jsonb_each(i.invoices)
), '{}'::jsonb);
alter table invoices force row level security;

alter table stripe_events
    -- why an event needs no further attempt; null until then
    add column disposal text constraint stripe_events_disposal_known
        check (disposal in ('processed', 'not_ours', 'refused'));
update stripe_events set disposal = 'processed' where done_at is not null;
-- Events that are not ours wait, too: for a customer or payment of ours with their Stripe id.
drop index stripe_events_waits_for_idx;
create index stripe_events_waits_for_idx on stripe_events using gin (waits_for) where waits_for is not null;

-- An organization gets another customer if Stripe no longer has the first one. Events still name the earlier ones.
alter table stripe_customers
    drop constraint stripe_customers_pkey,
    drop constraint stripe_customers_id_key,
    add constraint stripe_customers_pkey primary key (id),
    -- when another customer replaced it; null for the current one
    add column replaced_at timestamptz;
create unique index stripe_customers_current_idx on stripe_customers (org_id) where replaced_at is null;
