"""The page that the browser ends at: self-contained, without scripts, for light and dark."""

from base64 import b64encode
from hashlib import sha256
from html import escape
from http import HTTPStatus

_STYLE = (
    ":root{color-scheme:light dark}"
    "body{font:1rem/1.5 system-ui,sans-serif;margin:0;min-height:100vh;display:grid;place-content:center;"
    "background:light-dark(#f6f7f9,#15181d);color:light-dark(#1b1f24,#e6e9ee)}"
    "main{max-width:26rem;padding:2rem;margin:1rem;border-radius:.75rem;background:light-dark(#fff,#1f242b);"
    "border:1px solid light-dark(#d8dde3,#333a44)}"
    "h1{font-size:1.35rem;margin:0 0 .5rem}p{margin:0;overflow-wrap:anywhere}"
)
_STYLE_DIGEST = b64encode(sha256(_STYLE.encode()).digest()).decode()
_POLICY = "; ".join(
    [
        "default-src 'none'",
        f"style-src 'sha256-{_STYLE_DIGEST}'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
)


def answer(status: int, heading: str, text: str) -> bytes:
    """A complete HTTP response that closes its connection."""
    body = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(heading)}</title><style>{_STYLE}</style></head>"
        f"<body><main><h1>{escape(heading)}</h1><p>{escape(text)}</p></main></body></html>"
    ).encode()
    head = "\r\n".join(
        [
            f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
            "Content-Type: text/html; charset=utf-8",
            f"Content-Length: {len(body)}",
            "Connection: close",
            "Cache-Control: no-store",
            "Referrer-Policy: no-referrer",
            f"Content-Security-Policy: {_POLICY}",
            "X-Frame-Options: DENY",
            "X-Content-Type-Options: nosniff",
            *(["Allow: GET"] if status == HTTPStatus.METHOD_NOT_ALLOWED else []),
        ]
    )
    return f"{head}\r\n\r\n".encode() + body
