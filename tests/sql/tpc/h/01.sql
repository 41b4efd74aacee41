SELECT
    l_returnflag,
    l_linestatus,
    SUM(l_quantity) AS quantity,
    SUM(l_extendedprice) AS base_price,
    SUM(l_extendedprice * (1 - l_discount)) AS discounted,
    SUM(l_extendedprice * (1 - l_discount) * (1 + l_tax)) AS charged,
    AVG(l_quantity) AS mean_quantity,
    AVG(l_extendedprice) AS mean_price,
    AVG(l_discount) AS mean_discount,
    COUNT(*) AS orders
FROM lineitem
WHERE l_shipdate <= DATE '1998-12-01' - INTERVAL '95' DAY
GROUP BY l_returnflag, l_linestatus
ORDER BY l_returnflag, l_linestatus;
