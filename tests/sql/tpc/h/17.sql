SELECT SUM(l_extendedprice) / 7.0 AS yearly_mean
FROM lineitem
JOIN part ON p_partkey = l_partkey
WHERE p_brand = 'Brand#44'
    AND p_container = 'WRAP PKG'
    AND l_quantity < (SELECT 0.2 * AVG(all_lines.l_quantity) FROM lineitem AS all_lines WHERE all_lines.l_partkey = p_partkey);
