"""What the hub answers over HTTP: the portal API, checkout, bank webhooks, the console."""
