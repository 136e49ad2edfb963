"""Signing a person in: by a browser (authorization code and PKCE, RFC 7636 and 8252) or by a device code (RFC 8628).

`login` has the way in; the two grants are flows of their own, and what the person sees is behind an interface.
"""
