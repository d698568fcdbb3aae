-- One row is a setting in which two study files differ; null: the file has no such key.
SELECT key, a.value AS value_a, b.value AS value_b
FROM a_study AS a FULL JOIN b_study AS b USING (key)
WHERE a.value IS DISTINCT FROM b.value AND key != 'study'
ORDER BY key;
