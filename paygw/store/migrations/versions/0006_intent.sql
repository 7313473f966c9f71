-- An intent is written before a bank is called and removed with the call's result. It is sealed: it holds the payer's
-- address and the way back. While it is there and its lease has ended, whoever comes first calls again with the same
-- reference; enquiries wait for it. Queues are read bank by bank, so that a sick one keeps no other waiting.
ALTER TABLE attempts ADD COLUMN intent bytea;
CREATE INDEX attempts_left ON attempts (bank, lease_until) WHERE intent IS NOT NULL;
CREATE INDEX attempts_due ON attempts (bank, next_enquiry_at) WHERE next_enquiry_at IS NOT NULL;
DROP INDEX attempts_enquiry;
