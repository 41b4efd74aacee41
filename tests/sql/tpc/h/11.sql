WITH held AS (
    SELECT ps_partkey, ps_supplycost * ps_availqty AS worth
    FROM partsupp
    JOIN supplier ON s_suppkey = ps_suppkey
    JOIN nation ON n_nationkey = s_nationkey
    WHERE n_name = 'ARGENTINA'
)
SELECT ps_partkey, SUM(worth) AS stock_value
FROM held
GROUP BY ps_partkey
HAVING SUM(worth) > (SELECT SUM(worth) * 0.0001 FROM held)
ORDER BY stock_value DESC;
