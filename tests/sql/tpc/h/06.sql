SELECT SUM(l_extendedprice * l_discount) AS lost_revenue
FROM lineitem
WHERE l_shipdate >= DATE '1995-01-01'
    AND l_shipdate < DATE '1995-01-01' + INTERVAL '1' YEAR
    AND l_discount BETWEEN 0.04 - 0.01 AND 0.04 + 0.01
    AND l_quantity < 25;
