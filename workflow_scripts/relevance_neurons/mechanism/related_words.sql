-- One row is a word that stands in documents with a term: how much more often than by chance, as
-- normalised pointwise mutual information over documents (Bouma 2009; 1: never apart, 0: by chance).
-- Only the `depth` words of a term with the highest. Left out: words with other signs than letters and
-- marks, of fewer than three letters of scripts that are written in words, in fewer than three
-- documents (a misspelling or a name stands beside a rare term by chance), or in more than a tenth of
-- all, and words that only one of several documents of the term has.
-- Variables: together (files: term, word, n_documents of a chunk that have both), word_counts (file),
-- depth (number).
WITH
counts AS (
    SELECT word, n_documents, n_total_documents
    FROM read_parquet(getvariable('word_counts'))
),

sums AS (
    SELECT term, word, sum(n_documents)::BIGINT AS n_both
    FROM read_parquet(getvariable('together'))
    GROUP BY term, word
),

words AS (
    SELECT sums.term, sums.word, n_both, terms.n_documents AS n_term,
        words.n_documents AS n_word, words.n_total_documents AS n_total
    FROM sums
    INNER JOIN counts AS terms ON sums.term = terms.word
    INNER JOIN counts AS words ON sums.word = words.word
),

kept AS (
    SELECT *
    FROM words
    WHERE term <> word
        AND regexp_full_match(word, '[\p{L}\p{M}]{3,}|\p{Han}')
        AND n_word BETWEEN 3 AND n_total / 10
        AND n_both >= 2
),

scored AS (
    SELECT term, word, n_both, n_word,
        ln(n_both::DOUBLE * n_total / (n_term::DOUBLE * n_word))
        / -ln(n_both::DOUBLE / n_total) AS npmi
    FROM kept
)

SELECT term, word, n_both, npmi
FROM scored
WHERE npmi > 0
QUALIFY row_number() OVER (PARTITION BY term ORDER BY npmi DESC, n_both DESC, word)
    <= getvariable('depth')
ORDER BY term, npmi DESC, n_both DESC, word;
