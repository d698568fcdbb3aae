-- Table 2: one row is a collection of the study, with its size and its pairs per label.
-- Variables: study, a list of {collection, source, domain, relevant, non_relevant (grades),
-- documents, queries, qrels, pairs (its files; pairs is null if it is not used for attribution)};
-- documents, queries, qrels, pairs: all those files, as lists.
WITH
study AS (
    SELECT one.* FROM (SELECT unnest(getvariable('study')) AS one)
),

documents AS (
    SELECT filename, count(*) AS n_documents
    FROM read_parquet(getvariable('documents'))
    GROUP BY filename
),

queries AS (
    SELECT filename, count(*) AS n_queries
    FROM read_parquet(getvariable('queries'))
    GROUP BY filename
),

qrels AS (
    SELECT filename, grade
    FROM read_parquet(getvariable('qrels'))
),

judged AS (
    SELECT
        collection,
        count(*) FILTER (list_contains(relevant, grade)) AS n_relevant,
        count(*) FILTER (list_contains(non_relevant, grade)) AS n_non_relevant
    FROM study
    INNER JOIN qrels ON study.qrels = qrels.filename
    GROUP BY collection
),

-- A label without any scored pair sums to null, not 0: nothing of it could be kept.
kept AS (
    SELECT
        filename,
        sum(kept::INTEGER) FILTER (label = 'relevant') AS kept_relevant,
        sum(kept::INTEGER) FILTER (label = 'non_relevant') AS kept_non_relevant,
        sum((kept AND agrees)::INTEGER) FILTER (label = 'relevant') AS agreeing_relevant,
        sum((kept AND agrees)::INTEGER) FILTER (label = 'non_relevant') AS agreeing_non_relevant
    FROM read_parquet(getvariable('pairs'))
    GROUP BY filename
)

SELECT
    study.collection,
    study.source,
    study.domain,
    coalesce(documents.n_documents, 0) AS n_documents,
    coalesce(queries.n_queries, 0) AS n_queries,
    coalesce(judged.n_relevant, 0) AS n_relevant,
    coalesce(judged.n_non_relevant, 0) AS n_non_relevant,
    kept.kept_relevant::BIGINT AS kept_relevant,
    kept.kept_non_relevant::BIGINT AS kept_non_relevant,
    kept.agreeing_relevant::BIGINT AS agreeing_relevant,
    kept.agreeing_non_relevant::BIGINT AS agreeing_non_relevant
FROM study
LEFT JOIN documents ON study.documents = documents.filename
LEFT JOIN queries ON study.queries = queries.filename
LEFT JOIN judged USING (collection)
LEFT JOIN kept ON study.pairs = kept.filename
ORDER BY study.collection;
