SELECT channel, missing, d_year, d_qoy, i_category, COUNT(*) AS sales_count, SUM(price) AS sales
FROM (
    SELECT 'store' AS channel, 'ss_customer_sk' AS missing, d_year, d_qoy, i_category, ss_ext_sales_price AS price
    FROM store_sales
    JOIN item ON i_item_sk = ss_item_sk
    JOIN date_dim ON d_date_sk = ss_sold_date_sk
    WHERE ss_customer_sk IS NULL
    UNION ALL
    SELECT 'web', 'ws_promo_sk', d_year, d_qoy, i_category, ws_ext_sales_price
    FROM web_sales
    JOIN item ON i_item_sk = ws_item_sk
    JOIN date_dim ON d_date_sk = ws_sold_date_sk
    WHERE ws_promo_sk IS NULL
    UNION ALL
    SELECT 'catalog', 'cs_bill_customer_sk', d_year, d_qoy, i_category, cs_ext_sales_price
    FROM catalog_sales
    JOIN item ON i_item_sk = cs_item_sk
    JOIN date_dim ON d_date_sk = cs_sold_date_sk
    WHERE cs_bill_customer_sk IS NULL
) AS incomplete
GROUP BY channel, missing, d_year, d_qoy, i_category
ORDER BY channel, missing, d_year, d_qoy, i_category
LIMIT 100;
