-- Which queries lose most by which ablation?
-- One row is a query under an ablation (a scheme at a level; of other kinds, such as mean:x,
-- only one that is chosen), with its text; the largest losses first. At most 100.
-- Choose first, if you like: SET VARIABLE scheme = 'F_all'; SET VARIABLE collection = 'x';
SELECT
    pruned.scheme,
    pruned.top_percent,
    pruned.collection,
    pruned.query_id,
    queries.text,
    pruned.measure,
    original.value AS original,
    pruned.value AS pruned,
    pruned.value - original.value AS difference
FROM measures AS pruned
INNER JOIN measures AS original USING (collection, query_id, measure)
INNER JOIN queries USING (collection, query_id)
WHERE
    original.scheme = 'none'
    AND pruned.scheme NOT IN ('none', 'shuffled')
    AND coalesce(pruned.scheme = getvariable('scheme'), NOT contains(pruned.scheme, ':'))
    AND pruned.collection = coalesce(getvariable('collection'), pruned.collection)
ORDER BY difference, pruned.scheme, pruned.top_percent, pruned.collection, pruned.query_id
LIMIT 100;
