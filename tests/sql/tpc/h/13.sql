SELECT order_count, COUNT(*) AS customers
FROM (
    SELECT c_custkey, COUNT(o_orderkey)
    FROM customer
    LEFT JOIN orders ON o_custkey = c_custkey AND o_comment NOT LIKE '%pending%accounts%'
    GROUP BY c_custkey
) AS placed (customer_key, order_count)
GROUP BY order_count
ORDER BY customers DESC, order_count DESC;
