-- All that a question about an account needs, in one statement and one round trip: it says itself which organization may be
-- seen, for the transaction that it runs in. Row-level security holds in it as everywhere.
create function ai_token_look(org uuid, guard_id uuid, key_id uuid, named_member uuid)
returns table (
    plan text, next_plan text, license_state text, license_since timestamptz, anchor_at timestamptz, period_start timestamptz,
    closed_at timestamptz, seq bigint, head_hash bytea, due_at timestamptz,
    balances json, grants json, guard json, api_key json, member_found boolean
)
language plpgsql as $$
#variable_conflict use_column
begin
    perform set_config('app.org_id', org::text, true);
    return query
    select a.plan, a.next_plan, a.license_state, a.license_since, a.anchor_at, a.period_start, a.closed_at, a.seq,
        a.head_hash, case when isfinite(a.due_at) then a.due_at end,
        (select json_agg(b) from ai_tokens b where b.org_id = a.org_id),
        -- grants with tokens left, and the allowances of the current period even if they are used up
        (select json_agg(g) from (
            select * from ai_token_grants where org_id = a.org_id and remaining > 0
            union all
            select * from ai_token_grants
            where org_id = a.org_id and source = 'plan' and period_start = a.period_start and remaining = 0
        ) g),
        (select to_json(c) from ai_token_guards c where c.org_id = a.org_id and c.caller_id = guard_id),
        (select to_json(k) from (
            select org_id, id, name, shown, scope, created_at, expires_at, last_used_at, revoked_at
            from api_keys where org_id = a.org_id and id = key_id
        ) k),
        exists (select from members m where m.org_id = a.org_id and m.id = named_member)
    from ai_token_accounts a where a.org_id = org;
end
$$;
