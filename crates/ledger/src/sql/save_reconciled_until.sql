-- Never back: of two runs at once, the one that has come further counts.
UPDATE reconciliation SET reconciled_until = $1::text::timestamptz WHERE reconciled_until < $1::text::timestamptz
