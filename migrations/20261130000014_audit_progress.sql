-- How far each organization's log is verified, so that an audit can go on from there. Only the writer's role writes it.
-- A full audit starts at the first entry again and compares what it finds at `seq` with this row.

-- Like the log, without a foreign key to the account: the key would lock the account's row.
create table ai_token_audit_progress (
    org_id uuid constraint ai_token_audit_progress_pkey primary key,
    -- the last verified entry and its hash
    seq bigint not null constraint ai_token_audit_progress_seq_counts check (seq > 0),
    hash bytea not null constraint ai_token_audit_progress_hash_length check (length(hash) = 32),
    -- {"ai": {"settled": 5, "held": 0, "debt": 0}}, as of that entry
    balances jsonb not null,
    -- how many holds the entries open, and which of them no entry ends
    holds_opened bigint not null,
    open_holds uuid[] not null,
    -- the sketch of the daily figures: its key and two sums, 16 bytes each
    daily_sketch bytea not null constraint ai_token_audit_progress_daily_sketch_length check (length(daily_sketch) = 48),
    -- when the audit began that read the first entry
    started_at timestamptz not null,
    verified_at timestamptz not null
);
select enable_tenant_isolation('ai_token_audit_progress');
