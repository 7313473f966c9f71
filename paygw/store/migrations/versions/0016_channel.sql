-- What a channel could not carry back once waits for people: transfer, holder, or (this mark) the channel once more.

ALTER TABLE refunds ADD COLUMN by_channel boolean NOT NULL DEFAULT false;
