SELECT nation, order_year, SUM(profit) AS total_profit
FROM (
    SELECT
        n_name AS nation,
        EXTRACT(YEAR FROM o_orderdate) AS order_year,
        l_extendedprice * (1 - l_discount) - ps_supplycost * l_quantity AS profit
    FROM lineitem
    JOIN part ON p_partkey = l_partkey
    JOIN partsupp ON ps_partkey = l_partkey AND ps_suppkey = l_suppkey
    JOIN supplier ON s_suppkey = l_suppkey
    JOIN nation ON n_nationkey = s_nationkey
    JOIN orders ON o_orderkey = l_orderkey
    WHERE p_name LIKE '%dim%'
) AS earned
GROUP BY nation, order_year
ORDER BY nation, order_year DESC;
