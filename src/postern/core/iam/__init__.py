"""IAM, as far as this service needs it: who signed a request (SigV4), with which key, and what a policy lets do."""
