WITH found AS (
    SELECT DISTINCT c_customer_sk, c_current_addr_sk
    FROM (
        SELECT cs_sold_date_sk AS day, cs_bill_customer_sk AS customer_key, cs_item_sk AS item_key FROM catalog_sales
        UNION ALL
        SELECT ws_sold_date_sk, ws_bill_customer_sk, ws_item_sk FROM web_sales
    ) AS distant
    JOIN item ON i_item_sk = item_key
    JOIN date_dim ON d_date_sk = day
    JOIN customer ON c_customer_sk = customer_key
    WHERE i_category = 'Books' AND i_class = 'business' AND d_moy = 2 AND d_year = 2000
),
earned AS (
    SELECT c_customer_sk, SUM(ss_ext_sales_price) AS revenue
    FROM found
    JOIN store_sales ON ss_customer_sk = c_customer_sk
    JOIN customer_address ON ca_address_sk = c_current_addr_sk
    JOIN store ON s_county = ca_county AND s_state = ca_state
    JOIN date_dim ON d_date_sk = ss_sold_date_sk
    WHERE d_month_seq BETWEEN (SELECT DISTINCT d_month_seq + 1 FROM date_dim WHERE d_year = 2000 AND d_moy = 2)
        AND (SELECT DISTINCT d_month_seq + 3 FROM date_dim WHERE d_year = 2000 AND d_moy = 2)
    GROUP BY c_customer_sk
),
segments AS (SELECT CAST(revenue / 50 AS INTEGER) AS segment FROM earned)
SELECT segment, COUNT(*) AS customers, segment * 50 AS segment_base
FROM segments
GROUP BY segment
ORDER BY segment, customers
LIMIT 100;
