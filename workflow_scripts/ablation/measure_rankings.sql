-- One row is a passage under an ablation, of all batches of ablations and shards of passages.
-- Variables: rerankings (files of rule rerank_candidates).
SELECT scheme, top_percent, draw, query_id, doc_id, score
FROM read_parquet(getvariable('rerankings'))
ORDER BY scheme, top_percent, draw, query_id, doc_id;
