-- Quest jobs and what they made.

-- A job runs under the hold of the same id, and stands as that stands: open is running, captured is delivered, released and
-- expired are not charged. So a job cannot say one thing and the money another.
create table ai_token_jobs (
    org_id uuid not null,
    id uuid not null,
    goal text not null constraint ai_token_jobs_goal_length check (length(goal) between 3 and 500),
    created_at timestamptz not null,
    constraint ai_token_jobs_pkey primary key (org_id, id),
    constraint ai_token_jobs_hold_fkey foreign key (org_id, id) references ai_token_holds (org_id, id)
);
create index ai_token_jobs_created_idx on ai_token_jobs (org_id, created_at desc);

create table quests (
    org_id uuid not null,
    job_id uuid not null,
    position smallint not null,
    title text not null,
    why text not null,
    steps text[] not null,
    reward integer not null constraint quests_reward_positive check (reward > 0),
    difficulty text not null constraint quests_difficulty_known check (difficulty in ('easy', 'medium', 'hard')),
    due_on date not null,
    done_at timestamptz,
    created_at timestamptz not null,
    constraint quests_pkey primary key (org_id, job_id, position),
    constraint quests_job_fkey foreign key (org_id, job_id) references ai_token_jobs (org_id, id)
);

do $$
declare
    name text;
begin
    foreach name in array array['ai_token_jobs', 'quests']
    loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format($policy$
            create policy %I on %I
                using (org_id = any ((select string_to_array(nullif(current_setting('app.org_id', true), ''), ',')::uuid[])::uuid[]))
                with check (org_id = any ((select string_to_array(nullif(current_setting('app.org_id', true), ''), ',')::uuid[])::uuid[]))
        $policy$, name || '_tenant', name);
    end loop;
end
$$;
