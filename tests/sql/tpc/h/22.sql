SELECT country_code, COUNT(*) AS customers, SUM(c_acctbal) AS balance
FROM (
    SELECT SUBSTRING(c_phone FROM 1 FOR 2) AS country_code, c_acctbal
    FROM customer
    WHERE SUBSTRING(c_phone FROM 1 FOR 2) IN ('20', '40', '22', '30', '39', '42', '21')
        AND c_acctbal > (
            SELECT AVG(c_acctbal)
            FROM customer
            WHERE c_acctbal > 0.00
                AND SUBSTRING(c_phone FROM 1 FOR 2) IN ('20', '40', '22', '30', '39', '42', '21')
        )
        AND NOT EXISTS (SELECT 1 FROM orders WHERE o_custkey = c_custkey)
) AS dormant
GROUP BY country_code
ORDER BY country_code;
