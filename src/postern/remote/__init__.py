"""What the server asks of others, over HTTP and with care: the signing keys of trusted token issuers."""
