-- How Stripe says the subscription stands: {"number": …, "live": {…} or null, "ended_at": … or null}.
alter table ai_token_dues add column subscription jsonb;

-- Numbers of readings of subscriptions: drawn before Stripe is asked, so that of two answers the later question's counts.
create sequence stripe_readings;
