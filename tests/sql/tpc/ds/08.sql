SELECT s_store_name, SUM(ss_net_profit) AS profit
FROM store_sales
JOIN date_dim ON d_date_sk = ss_sold_date_sk
JOIN store ON s_store_sk = ss_store_sk
JOIN (
    SELECT area
    FROM (
        SELECT SUBSTRING(ca_zip, 1, 5) AS area
        FROM customer_address
        WHERE SUBSTRING(ca_zip, 1, 5) IN ('47602', '16704', '35863', '28577', '83910', '36201', '58412', '48162')
        INTERSECT
        SELECT area
        FROM (
            SELECT SUBSTRING(ca_zip, 1, 5) AS area, COUNT(*) AS preferred
            FROM customer_address
            JOIN customer ON c_current_addr_sk = ca_address_sk
            WHERE c_preferred_cust_flag = 'Y'
            GROUP BY ca_zip
            HAVING COUNT(*) > 10
        ) AS loyal
    ) AS both_kinds
) AS areas ON SUBSTRING(s_zip, 1, 2) = SUBSTRING(area, 1, 2)
WHERE d_qoy = 2 AND d_year = 1998
GROUP BY s_store_name
ORDER BY s_store_name
LIMIT 100;
