#!/usr/bin/env bash
# Meters a feature with curl. Set BRIGHTMETER to the server's address and KEY to a key that may spend.
set -euo pipefail
run=$(date +%s%N) # every run names its requests anew; yours use an order's or a job's number

call() { curl --silent --show-error --fail-with-body --max-time 10 -H "Authorization: Bearer $KEY" "$@"; }
field() { sed -n "s/.*\"$1\":\"\{0,1\}\([^,\"}]*\).*/\1/p"; }

# May we, and what does it cost?
check=$(call "$BRIGHTMETER/api/v1/tokens/check-balance?feature=quest_generation")
echo "may use quest_generation: $(field allowed <<<"$check")"

# Pay at once. If the answer is lost, the same request under the same name is done once and answered the same.
for _ in 1 2; do
  spent=$(call "$BRIGHTMETER/api/v1/tokens/deduct" -H "Idempotency-Key: order-$run" --json '{"feature":"quest_generation"}')
  echo "spent $(field amount <<<"$spent")"
done

# Work that may fail: hold, work, and capture what it took. Without the capture the hold lapses, and nothing was charged.
held=$(call "$BRIGHTMETER/api/v1/tokens/holds" -H "Idempotency-Key: job-$run" --json '{"feature":"quest_generation","ttl_seconds":600}')
hold=$(field hold_id <<<"$held")
ended=$(call "$BRIGHTMETER/api/v1/tokens/holds/$hold/capture" -H "Idempotency-Key: done-$run" --json '{"amount":3}')
echo "charged $(field amount <<<"$ended"), $(field returned <<<"$ended") came back"
