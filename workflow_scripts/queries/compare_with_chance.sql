-- Do collections, or methods, share more of their top neurons than chance would have them share?
-- One row is a set of maps at a level of the study: the share of their tops that is in all of
-- them, what independent random tops would share, and how many times more that is.
WITH
levels AS (
    SELECT DISTINCT top_percent FROM scheme_sizes
)

SELECT
    kind,
    label,
    collections,
    methods,
    top_percent,
    shared_percent,
    expected_percent,
    shared_percent / expected_percent AS times_chance
FROM "overlaps"
SEMI JOIN levels USING (top_percent)
ORDER BY kind, label, top_percent, times_chance DESC, collections, methods;
