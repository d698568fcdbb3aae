-- One row is a map (collection, label, method) that a member of a scheme rests on.
-- A member's score is the mean over its maps (fusion); a scheme is the intersection of what its
-- members pick, or the one member's pick. Members of equal maps and ways to pick are one.
-- Each method is a part of its own: across methods it is always the intersection.
-- Variables: definitions (list of {scheme, labels, collections, methods, across_labels,
-- across_collections, rank_by, pick, components, layers}: the paper's and the study's own).
-- In the shell: SET VARIABLE schemes = (SELECT list(d) FROM (<this query>) AS d);
WITH
definitions AS (
    SELECT one.* FROM (SELECT unnest(getvariable('definitions')) AS one)
),

maps AS (
    SELECT * EXCLUDE (collections, labels, methods), unnest(labels) AS label
    FROM (
        SELECT *, unnest(collections) AS collection
        FROM (SELECT *, unnest(methods) AS method FROM definitions)
    )
),

parts AS (
    SELECT
        *,
        concat_ws(
            ' ',
            method,
            CASE WHEN across_collections = 'intersection' THEN collection END,
            CASE WHEN across_labels = 'intersection' THEN label END
        ) AS part
    FROM maps
)

SELECT
    scheme,
    concat_ws(
        ' ', method, string_agg(collection || ':' || label, ',') OVER one_part, rank_by, pick,
        components::VARCHAR, layers::VARCHAR
    ) AS member,
    collection,
    label,
    method,
    rank_by,
    pick,
    components::VARCHAR[] AS components,
    layers::INTEGER[] AS layers
FROM parts
WINDOW one_part AS (
    PARTITION BY scheme, part ORDER BY collection, label
    ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
)
ORDER BY scheme, member, collection, label;
