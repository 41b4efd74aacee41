WITH chosen AS (SELECT i_manufact_id FROM item WHERE i_category IN ('Books')),
from_stores AS (
    SELECT i_manufact_id, SUM(ss_ext_sales_price) AS sales
    FROM store_sales
    JOIN date_dim ON d_date_sk = ss_sold_date_sk
    JOIN customer_address ON ca_address_sk = ss_addr_sk
    JOIN item ON i_item_sk = ss_item_sk
    WHERE i_manufact_id IN (SELECT i_manufact_id FROM chosen) AND d_year = 2001 AND d_moy = 3 AND ca_gmt_offset = -5
    GROUP BY i_manufact_id
),
from_catalogs AS (
    SELECT i_manufact_id, SUM(cs_ext_sales_price) AS sales
    FROM catalog_sales
    JOIN date_dim ON d_date_sk = cs_sold_date_sk
    JOIN customer_address ON ca_address_sk = cs_bill_addr_sk
    JOIN item ON i_item_sk = cs_item_sk
    WHERE i_manufact_id IN (SELECT i_manufact_id FROM chosen) AND d_year = 2001 AND d_moy = 3 AND ca_gmt_offset = -5
    GROUP BY i_manufact_id
),
from_web AS (
    SELECT i_manufact_id, SUM(ws_ext_sales_price) AS sales
    FROM web_sales
    JOIN date_dim ON d_date_sk = ws_sold_date_sk
    JOIN customer_address ON ca_address_sk = ws_bill_addr_sk
    JOIN item ON i_item_sk = ws_item_sk
    WHERE i_manufact_id IN (SELECT i_manufact_id FROM chosen) AND d_year = 2001 AND d_moy = 3 AND ca_gmt_offset = -5
    GROUP BY i_manufact_id
)
SELECT i_manufact_id, SUM(sales) AS sales
FROM (
    SELECT * FROM from_stores
    UNION ALL
    SELECT * FROM from_catalogs
    UNION ALL
    SELECT * FROM from_web
) AS every_channel
GROUP BY i_manufact_id
ORDER BY sales
LIMIT 100;
