WITH frequent AS (
    SELECT SUBSTRING(i_item_desc, 1, 30) AS description, i_item_sk AS item_key, d_date AS sold_on, COUNT(*) AS times
    FROM store_sales
    JOIN date_dim ON d_date_sk = ss_sold_date_sk
    JOIN item ON i_item_sk = ss_item_sk
    WHERE d_year IN (2000, 2001, 2002, 2003)
    GROUP BY SUBSTRING(i_item_desc, 1, 30), i_item_sk, d_date
    HAVING COUNT(*) > 4
),
largest AS (
    SELECT MAX(spent) AS most
    FROM (
        SELECT c_customer_sk, SUM(ss_quantity * ss_sales_price) AS spent
        FROM store_sales
        JOIN customer ON c_customer_sk = ss_customer_sk
        JOIN date_dim ON d_date_sk = ss_sold_date_sk
        WHERE d_year IN (2000, 2001, 2002, 2003)
        GROUP BY c_customer_sk
    ) AS by_customer
),
best AS (
    SELECT c_customer_sk AS customer_key, SUM(ss_quantity * ss_sales_price) AS spent
    FROM store_sales
    JOIN customer ON c_customer_sk = ss_customer_sk
    GROUP BY c_customer_sk
    HAVING SUM(ss_quantity * ss_sales_price) > 0.95 * (SELECT most FROM largest)
)
SELECT c_last_name, c_first_name, sales
FROM (
    SELECT c_last_name, c_first_name, SUM(cs_quantity * cs_list_price) AS sales
    FROM catalog_sales
    JOIN customer ON c_customer_sk = cs_bill_customer_sk
    JOIN date_dim ON d_date_sk = cs_sold_date_sk
    WHERE d_year = 2000
        AND d_moy = 5
        AND cs_item_sk IN (SELECT item_key FROM frequent)
        AND cs_bill_customer_sk IN (SELECT customer_key FROM best)
    GROUP BY c_last_name, c_first_name
    UNION ALL
    SELECT c_last_name, c_first_name, SUM(ws_quantity * ws_list_price)
    FROM web_sales
    JOIN customer ON c_customer_sk = ws_bill_customer_sk
    JOIN date_dim ON d_date_sk = ws_sold_date_sk
    WHERE d_year = 2000
        AND d_moy = 5
        AND ws_item_sk IN (SELECT item_key FROM frequent)
        AND ws_bill_customer_sk IN (SELECT customer_key FROM best)
    GROUP BY c_last_name, c_first_name
) AS bought
ORDER BY c_last_name, c_first_name, sales
LIMIT 100;
