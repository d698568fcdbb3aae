-- One row is a method whose scores were kept by kind of token ('': the table names none).
SELECT DISTINCT coalesce(method, '') AS method
FROM neuron_tokens
ORDER BY method;
