"""Meters a feature with Python's standard library. Set BRIGHTMETER to the server's URL and KEY to an API key with the scope spend."""

import json
import os
import urllib.error
import urllib.request
import uuid


def call(method, path, body=None, idempotency_key=None):
    """Calls the API. The idempotency key makes the request safe to repeat."""
    request = urllib.request.Request(os.environ["BRIGHTMETER"] + "/api/v1" + path, method=method)
    request.add_header("Authorization", "Bearer " + os.environ["KEY"])
    if body is not None:
        request.data = json.dumps(body).encode()
        request.add_header("Content-Type", "application/json")
        request.add_header("Idempotency-Key", idempotency_key)
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return json.load(response)
    except urllib.error.HTTPError as error:
        problem = json.load(error)
        raise SystemExit(f"{problem['code']}: {problem['detail']}") from error


# Check whether the feature may be used, and its cost.
check = call("GET", "/tokens/check-balance?feature=quest_generation")
print("may use quest_generation:", json.dumps(check["allowed"]))

# Spend immediately. If the response is lost, repeat the request with the same Idempotency-Key: it is applied only once.
order = f"order-{uuid.uuid4()}"
for _ in range(2):
    spent = call("POST", "/tokens/deduct", {"feature": "quest_generation"}, order)
    print("spent", spent["amount"])

# For a job that may fail: hold, run, and capture what it cost. Without a capture the hold expires, and nothing is charged.
job = str(uuid.uuid4())
hold = call("POST", "/tokens/holds", {"feature": "quest_generation", "ttl_seconds": 600}, f"job-{job}")
ended = call("POST", f"/tokens/holds/{hold['hold_id']}/capture", {"amount": 3}, f"done-{job}")
print(f"charged {ended['amount']}, {ended['returned']} came back")
