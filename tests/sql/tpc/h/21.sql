SELECT s_name, COUNT(*) AS kept_waiting
FROM supplier
JOIN lineitem AS late ON late.l_suppkey = s_suppkey
JOIN orders ON o_orderkey = late.l_orderkey
JOIN nation ON n_nationkey = s_nationkey
WHERE o_orderstatus = 'F'
    AND late.l_receiptdate > late.l_commitdate
    AND n_name = 'MOROCCO'
    AND EXISTS (
        SELECT 1 FROM lineitem AS other
        WHERE other.l_orderkey = late.l_orderkey AND other.l_suppkey <> late.l_suppkey
    )
    AND NOT EXISTS (
        SELECT 1 FROM lineitem AS another
        WHERE another.l_orderkey = late.l_orderkey
            AND another.l_suppkey <> late.l_suppkey
            AND another.l_receiptdate > another.l_commitdate
    )
GROUP BY s_name
ORDER BY kept_waiting DESC, s_name
LIMIT 100;
