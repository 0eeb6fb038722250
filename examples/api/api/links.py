"""Links that end: a path, when it ends, and a signature over both."""

import hashlib
import hmac
import time
import urllib.parse


def sign(key, path, ends):
    """The signature over a path that is good until `ends` (seconds since 1970)."""
    return hmac.new(key.encode(), f"{ends} {path}".encode(), hashlib.sha256).hexdigest()


def signed_link(keys, path, seconds):
    ends = int(time.time()) + seconds
    query = {"path": path, "ends": ends, "signature": sign(keys[0], path, ends)}
    return "/v1/check?" + urllib.parse.urlencode(query)


def problem_of(keys, path, ends, signature):
    """Why a link is not good, or None. Every known key is accepted, so that keys can be rotated."""
    if not any(hmac.compare_digest(sign(key, path, ends), signature) for key in keys):
        return "the signature is wrong"
    if ends < time.time():
        return "the link has ended"
    return None
