-- What was used, and whether the key that asks holds, in one statement and one round trip: like ai_token_look it says itself which
-- organization may be seen, for the transaction that it runs in.
create function ai_token_sums(org uuid, key_id uuid, first_day date, last_day date, grouped_by text)
returns table (api_key json, sums json)
language plpgsql as $$
#variable_conflict use_column
begin
    perform set_config('app.org_id', org::text, true);
    return query
    select
        (select to_json(k) from (
            select org_id, id, name, shown, scope, created_at, expires_at, last_used_at, revoked_at
            from api_keys where org_id = org and id = key_id
        ) k),
        (select json_agg(s) from (
            select case grouped_by when 'day' then day::text when 'feature' then feature
                    else nullif(member_id, '00000000-0000-0000-0000-000000000000')::text end as key,
                token_type, sum(uses)::bigint as uses, sum(tokens)::bigint as tokens
            from ai_token_daily where org_id = org and day between first_day and last_day
            group by 1, 2 order by 1, 2
        ) s);
end
$$;
