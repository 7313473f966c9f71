"""The providers' side of each protocol, for `paygw sandbox`: a module with a `PROVIDER` each."""
