"""The fee engine: law as dated YAML, priced exactly and explained. Start at `catalogue.py`."""
