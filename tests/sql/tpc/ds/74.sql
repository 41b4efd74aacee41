WITH yearly AS (
    SELECT
        c_customer_id AS customer_id,
        c_first_name AS first_name,
        c_last_name AS last_name,
        d_year AS year,
        SUM(ss_net_paid) AS total,
        's' AS channel
    FROM customer
    JOIN store_sales ON ss_customer_sk = c_customer_sk
    JOIN date_dim ON d_date_sk = ss_sold_date_sk
    WHERE d_year IN (1998, 1999)
    GROUP BY c_customer_id, c_first_name, c_last_name, d_year
    UNION ALL
    SELECT c_customer_id, c_first_name, c_last_name, d_year, SUM(ws_net_paid), 'w'
    FROM customer
    JOIN web_sales ON ws_bill_customer_sk = c_customer_sk
    JOIN date_dim ON d_date_sk = ws_sold_date_sk
    WHERE d_year IN (1998, 1999)
    GROUP BY c_customer_id, c_first_name, c_last_name, d_year
)
SELECT s2.customer_id, s2.first_name, s2.last_name
FROM yearly AS s1
JOIN yearly AS s2 ON s2.customer_id = s1.customer_id AND s2.channel = 's' AND s2.year = 1999
JOIN yearly AS w1 ON w1.customer_id = s1.customer_id AND w1.channel = 'w' AND w1.year = 1998
JOIN yearly AS w2 ON w2.customer_id = s1.customer_id AND w2.channel = 'w' AND w2.year = 1999
WHERE s1.channel = 's'
    AND s1.year = 1998
    AND s1.total > 0
    AND w1.total > 0
    AND w2.total / NULLIF(w1.total, 0) > s2.total / NULLIF(s1.total, 0)
ORDER BY s2.first_name, s2.customer_id, s2.last_name
LIMIT 100;
