-- Receipts are kept for a week and then removed in batches: found by age, in whatever organization. Who may remove them stands
-- in roles.sql.
create index ai_token_receipts_created_idx on ai_token_receipts using brin (created_at);
