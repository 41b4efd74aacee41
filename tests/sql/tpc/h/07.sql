WITH shipping AS (
    SELECT
        seller.n_name AS supplier_nation,
        buyer.n_name AS customer_nation,
        EXTRACT(YEAR FROM l_shipdate) AS year,
        l_extendedprice * (1 - l_discount) AS volume
    FROM supplier
    JOIN lineitem ON l_suppkey = s_suppkey
    JOIN orders ON o_orderkey = l_orderkey
    JOIN customer ON c_custkey = o_custkey
    JOIN nation AS seller ON seller.n_nationkey = s_nationkey
    JOIN nation AS buyer ON buyer.n_nationkey = c_nationkey
    WHERE (seller.n_name, buyer.n_name) IN (('CANADA', 'BRAZIL'), ('BRAZIL', 'CANADA'))
        AND l_shipdate BETWEEN DATE '1995-01-01' AND DATE '1996-12-31'
)
SELECT supplier_nation, customer_nation, year, SUM(volume) AS revenue
FROM shipping
GROUP BY supplier_nation, customer_nation, year
ORDER BY supplier_nation, customer_nation, year;
