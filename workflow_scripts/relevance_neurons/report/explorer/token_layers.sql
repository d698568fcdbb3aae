-- One row: the ranker's last layer, from 0, of which the tokens' mean and spread were measured.
SELECT max(layer) AS last
FROM token_statistics;
