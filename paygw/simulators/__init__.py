"""The banks' side over HTTP, for `paygw sandbox`; never mounted in the hub."""
