import collections
import hmac
import json
import os
import pathlib
import signal
import socket
import sys

import bottle
import waitress

import links

longest_seconds = 7 * 24 * 3600

keys = pathlib.Path(os.environ["KEYS_FILE"]).read_text().split()
token = os.environ["API_TOKEN"]
if not keys:
    sys.exit("api: the secret keys is empty: it has one key in each line")

app = bottle.Bottle()
answered = collections.Counter()


def failure(status, message):
    return bottle.HTTPResponse(json.dumps({"error": message}), status, content_type="application/json")


@app.hook("after_request")
def count():
    answered[bottle.response.status_code] += 1


@app.post("/v1/links")
def make_link():
    given = bottle.request.get_header("Authorization", "").removeprefix("Bearer ")
    if not hmac.compare_digest(given.encode(), token.encode()):
        return failure(401, "a token is required")
    try:
        asked = json.loads(bottle.request.body.read())
        path, seconds = asked["path"], asked["seconds"]
    except (ValueError, KeyError, TypeError):
        return failure(400, "the body is a JSON object with path and seconds")
    if not isinstance(path, str) or not path.startswith("/"):
        return failure(400, "path begins with /")
    if not isinstance(seconds, int) or not 0 < seconds <= longest_seconds:
        return failure(400, f"seconds is a whole number from 1 to {longest_seconds}")
    return {"link": links.signed_link(keys, path, seconds)}


@app.get("/v1/check")
def check_link():
    query = bottle.request.query
    if not query.ends.isdecimal():
        return failure(400, "a link has path, ends and signature")
    problem = links.problem_of(keys, query.path, int(query.ends), query.signature)
    return failure(403, problem) if problem else {"path": query.path, "replica": socket.gethostname()}


@app.get("/healthz")
def healthz():
    return "ok\n"


@app.get("/metrics")
def metrics():
    bottle.response.content_type = "text/plain; version=0.0.4"
    lines = ["# HELP api_responses_total Answers by status.", "# TYPE api_responses_total counter"]
    lines += [f'api_responses_total{{status="{status}"}} {number}' for status, number in sorted(answered.items())]
    return "\n".join(lines) + "\n"


server = waitress.create_server(app, host="0.0.0.0", port=8080, threads=8, ident=None)


def stop(*_):
    # Ends the loop of the server, which finishes what it has begun.
    raise SystemExit(0)


signal.signal(signal.SIGTERM, stop)
print("the API listens on port 8080")
server.run()
