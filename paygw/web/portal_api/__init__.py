"""The portal API, version 1: quotes, orders, refunds, events; and the reads of finance."""
