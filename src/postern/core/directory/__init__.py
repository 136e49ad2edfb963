"""The directory, in AWS's vocabulary: groups, applications, trusted token issuers, and who is assigned to what."""
