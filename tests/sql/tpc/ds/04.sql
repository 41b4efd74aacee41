WITH year_total AS (
    SELECT
        c_customer_id AS customer_id,
        c_first_name AS first_name,
        c_last_name AS last_name,
        c_email_address AS email,
        d_year AS year,
        SUM((ss_ext_list_price - ss_ext_wholesale_cost - ss_ext_discount_amt + ss_ext_sales_price) / 2) AS total,
        's' AS channel
    FROM customer
    JOIN store_sales ON ss_customer_sk = c_customer_sk
    JOIN date_dim ON d_date_sk = ss_sold_date_sk
    GROUP BY c_customer_id, c_first_name, c_last_name, c_email_address, d_year
    UNION ALL
    SELECT
        c_customer_id,
        c_first_name,
        c_last_name,
        c_email_address,
        d_year,
        SUM((cs_ext_list_price - cs_ext_wholesale_cost - cs_ext_discount_amt + cs_ext_sales_price) / 2),
        'c'
    FROM customer
    JOIN catalog_sales ON cs_bill_customer_sk = c_customer_sk
    JOIN date_dim ON d_date_sk = cs_sold_date_sk
    GROUP BY c_customer_id, c_first_name, c_last_name, c_email_address, d_year
    UNION ALL
    SELECT
        c_customer_id,
        c_first_name,
        c_last_name,
        c_email_address,
        d_year,
        SUM((ws_ext_list_price - ws_ext_wholesale_cost - ws_ext_discount_amt + ws_ext_sales_price) / 2),
        'w'
    FROM customer
    JOIN web_sales ON ws_bill_customer_sk = c_customer_sk
    JOIN date_dim ON d_date_sk = ws_sold_date_sk
    GROUP BY c_customer_id, c_first_name, c_last_name, c_email_address, d_year
)
SELECT s2.customer_id, s2.first_name, s2.last_name, s2.email
FROM year_total AS s1
JOIN year_total AS s2 ON s2.customer_id = s1.customer_id
JOIN year_total AS c1 ON c1.customer_id = s1.customer_id
JOIN year_total AS c2 ON c2.customer_id = s1.customer_id
JOIN year_total AS w1 ON w1.customer_id = s1.customer_id
JOIN year_total AS w2 ON w2.customer_id = s1.customer_id
WHERE s1.channel = 's' AND c1.channel = 'c' AND w1.channel = 'w'
    AND s2.channel = 's' AND c2.channel = 'c' AND w2.channel = 'w'
    AND s1.year = 2000 AND s2.year = 2001
    AND c1.year = 2000 AND c2.year = 2001
    AND w1.year = 2000 AND w2.year = 2001
    AND s1.total > 0 AND c1.total > 0 AND w1.total > 0
    AND CASE WHEN c1.total > 0 THEN c2.total / c1.total END > CASE WHEN s1.total > 0 THEN s2.total / s1.total END
    AND CASE WHEN c1.total > 0 THEN c2.total / c1.total END > CASE WHEN w1.total > 0 THEN w2.total / w1.total END
ORDER BY s2.customer_id, s2.first_name, s2.last_name, s2.email
LIMIT 100;
