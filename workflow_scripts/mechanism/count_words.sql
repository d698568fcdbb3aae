-- One row is a word of a collection: in how many of its documents it is, and its inverse document
-- frequency, the one of BM25 that is never negative (Robertson, with 1 added in the logarithm).
-- mean_words: the mean number of words of a document, repeated ones too; the same in every row.
-- Variables: counts (files: word, n_documents of a chunk of documents), n_documents, n_words (of all).
WITH
words AS (
    SELECT word, sum(n_documents)::BIGINT AS n_documents
    FROM read_parquet(getvariable('counts'))
    GROUP BY word
),

totals AS (
    SELECT
        getvariable('n_documents')::BIGINT AS n_total_documents,
        getvariable('n_words')::DOUBLE AS n_words
)

SELECT
    word,
    n_documents,
    ln(1 + (n_total_documents - n_documents + 0.5) / (n_documents + 0.5)) AS idf,
    n_total_documents,
    n_words / n_total_documents AS mean_words
FROM words
CROSS JOIN totals
ORDER BY word;
