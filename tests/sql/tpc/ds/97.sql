WITH shop AS (
    SELECT ss_customer_sk AS customer_key, ss_item_sk AS item_key
    FROM store_sales
    JOIN date_dim ON d_date_sk = ss_sold_date_sk
    WHERE d_month_seq BETWEEN 1199 AND 1199 + 11
    GROUP BY ss_customer_sk, ss_item_sk
),
catalog AS (
    SELECT cs_bill_customer_sk AS customer_key, cs_item_sk AS item_key
    FROM catalog_sales
    JOIN date_dim ON d_date_sk = cs_sold_date_sk
    WHERE d_month_seq BETWEEN 1199 AND 1199 + 11
    GROUP BY cs_bill_customer_sk, cs_item_sk
)
SELECT
    SUM(CASE WHEN shop.customer_key IS NOT NULL AND catalog.customer_key IS NULL THEN 1 ELSE 0 END) AS store_only,
    SUM(CASE WHEN shop.customer_key IS NULL AND catalog.customer_key IS NOT NULL THEN 1 ELSE 0 END) AS catalog_only,
    SUM(CASE WHEN shop.customer_key IS NOT NULL AND catalog.customer_key IS NOT NULL THEN 1 ELSE 0 END) AS both_channels
FROM shop
FULL OUTER JOIN catalog ON catalog.customer_key = shop.customer_key AND catalog.item_key = shop.item_key
LIMIT 100;
