"""Every `code` that a problem may carry, and what its reader should do."""

WHAT_TO_DO = {
    "already_linked": "Leave the sale as it is: another scan is linked to it, or awaited.",
    "bad_request": "Send a whole HTTP request; something cut this one off or garbled it.",
    "body_too_large": "Send at most 1 MiB; split a sync into several.",
    "card_frozen": "Unfreeze the card before you ask for its code.",
    "card_needed": "Make a card first, with POST /shopper/v1/cards.",
    "card_revoked": "Make a new card; a revoked one stays revoked.",
    "conflict": "Read `detail`: the thing is in a state that forbids this.",
    "csrf_failed": "Send the session's csrf_token in X-CSRF-Token with every request that changes something.",
    "http_error": "Read the status, and compare the request with this page.",
    "id_conflict": "Mint a new id: this one was used before, with another body.",
    "internal_error": "Try again later, and give the operator the X-Request-Id of the answer.",
    "invalid_body": "Correct the fields that `errors` points at.",
    "invalid_parameter": "Correct the parts of the address that `errors` points at.",
    "malformed_json": "Send one JSON value in UTF-8; `detail` says where reading stopped.",
    "method_not_allowed": "Use one of the methods in the Allow header.",
    "not_found": "Check the address and the id; what belongs to another is not found either.",
    "not_ready": "Try again after Retry-After; /readyz tells the operator what is missing.",
    "rate_limited": "Wait for as many seconds as Retry-After says, then go on more slowly.",
    "unauthorized": "Send this door's own credential; if it is refused, get a new one.",
    "unsupported_media_type": "Send plain, uncompressed application/json in UTF-8.",
}
