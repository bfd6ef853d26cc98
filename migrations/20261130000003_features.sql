-- AI features: quest jobs and their quests.

-- Quest jobs. A job has the id of its hold, and its state is the hold's state: open is running, captured is delivered,
-- released and expired are not charged. So a job and its charge cannot disagree.
create table ai_token_jobs (
    org_id uuid not null,
    id uuid not null,
    goal text not null constraint ai_token_jobs_goal_length check (length(goal) between 3 and 500),
    created_at timestamptz not null,
    constraint ai_token_jobs_pkey primary key (org_id, id),
    constraint ai_token_jobs_hold_fkey foreign key (org_id, id) references ai_token_holds (org_id, id)
);
create index ai_token_jobs_created_idx on ai_token_jobs (org_id, created_at desc);

-- Quests: the results of jobs.
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
