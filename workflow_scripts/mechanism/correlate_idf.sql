-- One row is a whole word of the ranker's vocabulary that the collection has: its token and its IDF.
-- Variables: whole_words, word_counts (files).
WITH
vocabulary AS (
    SELECT token_id, word FROM read_parquet(getvariable('whole_words'))
),

counts AS (
    SELECT word, idf FROM read_parquet(getvariable('word_counts'))
)

SELECT vocabulary.token_id, vocabulary.word, counts.idf
FROM vocabulary
INNER JOIN counts ON vocabulary.word = counts.word
ORDER BY vocabulary.token_id;
