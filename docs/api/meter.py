"""Meters a feature with Python's standard library. Set BRIGHTMETER to the server's address and KEY to a key that may spend."""

import json
import os
import urllib.error
import urllib.request
import uuid


def call(method, path, body=None, name=None):
    """One call. `name` is the Idempotency-Key: under it the request can be repeated without harm."""
    request = urllib.request.Request(os.environ["BRIGHTMETER"] + "/api/v1" + path, method=method)
    request.add_header("Authorization", "Bearer " + os.environ["KEY"])
    if body is not None:
        request.data = json.dumps(body).encode()
        request.add_header("Content-Type", "application/json")
        request.add_header("Idempotency-Key", name)
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return json.load(response)
    except urllib.error.HTTPError as error:
        problem = json.load(error)
        raise SystemExit(f"{problem['code']}: {problem['detail']}") from error


# May we, and what does it cost?
check = call("GET", "/tokens/check-balance?feature=quest_generation")
print("may use quest_generation:", json.dumps(check["allowed"]))

# Pay at once. If the answer is lost, the same request under the same name is done once and answered the same.
order = f"order-{uuid.uuid4()}"
for _ in range(2):
    spent = call("POST", "/tokens/deduct", {"feature": "quest_generation"}, order)
    print("spent", spent["amount"])

# Work that may fail: hold, work, and capture what it took. Without the capture the hold lapses, and nothing was charged.
job = str(uuid.uuid4())
hold = call("POST", "/tokens/holds", {"feature": "quest_generation", "ttl_seconds": 600}, f"job-{job}")
ended = call("POST", f"/tokens/holds/{hold['hold_id']}/capture", {"amount": 3}, f"done-{job}")
print(f"charged {ended['amount']}, {ended['returned']} came back")
