-- One row is a map (collection, label) that a member of a scheme rests on.
-- A member's score is the mean over its maps; a scheme is the intersection of its members' tops,
-- or the one member's top (METHOD: P_x, N_x, F_x = P_x + N_x, F_all; _and_out, _and_all).
-- Variables: neuron_scores (files), collections (list of {name, domain}).
-- In the shell: SET VARIABLE schemes = (SELECT list(d) FROM (<this query>) AS d);
WITH
collections AS (
    SELECT name AS collection, domain
    FROM (SELECT unnest(getvariable('collections'), recursive := true))
),

maps AS (
    SELECT DISTINCT collection, label
    FROM read_parquet(getvariable('neuron_scores'))
),

families AS (
    FROM (VALUES
        ('P', ['relevant']),
        ('N', ['non_relevant']),
        ('F', ['relevant', 'non_relevant'])
    ) AS families (family, labels)
),

-- A family leaves out the collections that lack one of its labels.
family_maps AS (
    SELECT family, family || '_' || collection AS member, collection, label, domain
    FROM families
    INNER JOIN maps ON list_contains(families.labels, maps.label)
    INNER JOIN collections USING (collection)
    QUALIFY count(*) OVER (PARTITION BY family, collection) = len(labels)
),

definitions AS (
    SELECT member AS scheme, member, collection, label FROM family_maps
    UNION ALL
    SELECT family || '_and_out', member, collection, label FROM family_maps WHERE domain = 'out'
    UNION ALL
    SELECT family || '_and_all', member, collection, label FROM family_maps
    UNION ALL
    SELECT 'F_all', 'F_all', collection, label FROM family_maps WHERE family = 'F'
)

SELECT scheme, member, collection, label
FROM definitions
ORDER BY scheme, member, collection, label;
