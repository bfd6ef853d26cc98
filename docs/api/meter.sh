#!/usr/bin/env bash
# Meters a feature with curl. Set BRIGHTMETER to the server's URL and KEY to an API key with the scope spend.
set -euo pipefail
run=$(date +%s%N) # idempotency keys must be unique: use your order's or job's id

call() { curl --silent --show-error --fail-with-body --max-time 10 -H "Authorization: Bearer $KEY" "$@"; }
field() { sed -n "s/.*\"$1\":\"\{0,1\}\([^,\"}]*\).*/\1/p"; }

# Check whether the feature may be used, and its cost.
check=$(call "$BRIGHTMETER/api/v1/tokens/check-balance?feature=quest_generation")
echo "may use quest_generation: $(field allowed <<<"$check")"

# Spend immediately. If the response is lost, repeat the request with the same Idempotency-Key: it is applied only once.
for _ in 1 2; do
  spent=$(call "$BRIGHTMETER/api/v1/tokens/deduct" -H "Idempotency-Key: order-$run" --json '{"feature":"quest_generation"}')
  echo "spent $(field amount <<<"$spent")"
done

# For a job that may fail: hold, run, and capture what it cost. Without a capture the hold expires, and nothing is charged.
held=$(call "$BRIGHTMETER/api/v1/tokens/holds" -H "Idempotency-Key: job-$run" --json '{"feature":"quest_generation","ttl_seconds":600}')
hold=$(field hold_id <<<"$held")
ended=$(call "$BRIGHTMETER/api/v1/tokens/holds/$hold/capture" -H "Idempotency-Key: done-$run" --json '{"amount":3}')
echo "charged $(field amount <<<"$ended"), $(field returned <<<"$ended") came back"
