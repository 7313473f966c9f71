"""The bank's side of each connector, one module per connector, found by walking this package."""
