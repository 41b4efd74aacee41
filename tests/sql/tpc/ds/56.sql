WITH in_stores AS (
    SELECT i_item_id, SUM(ss_ext_sales_price) AS sales
    FROM store_sales, date_dim, customer_address, item
    WHERE i_item_id IN (SELECT i_item_id FROM item WHERE i_color IN ('chiffon', 'smoke', 'lace'))
        AND ss_item_sk = i_item_sk
        AND ss_sold_date_sk = d_date_sk
        AND d_year = 2001
        AND d_moy = 5
        AND ss_addr_sk = ca_address_sk
        AND ca_gmt_offset = -6
    GROUP BY i_item_id
),
in_catalogs AS (
    SELECT i_item_id, SUM(cs_ext_sales_price) AS sales
    FROM catalog_sales, date_dim, customer_address, item
    WHERE i_item_id IN (SELECT i_item_id FROM item WHERE i_color IN ('chiffon', 'smoke', 'lace'))
        AND cs_item_sk = i_item_sk
        AND cs_sold_date_sk = d_date_sk
        AND d_year = 2001
        AND d_moy = 5
        AND cs_bill_addr_sk = ca_address_sk
        AND ca_gmt_offset = -6
    GROUP BY i_item_id
),
on_the_web AS (
    SELECT i_item_id, SUM(ws_ext_sales_price) AS sales
    FROM web_sales, date_dim, customer_address, item
    WHERE i_item_id IN (SELECT i_item_id FROM item WHERE i_color IN ('chiffon', 'smoke', 'lace'))
        AND ws_item_sk = i_item_sk
        AND ws_sold_date_sk = d_date_sk
        AND d_year = 2001
        AND d_moy = 5
        AND ws_bill_addr_sk = ca_address_sk
        AND ca_gmt_offset = -6
    GROUP BY i_item_id
)
SELECT i_item_id, SUM(sales) AS all_sales
FROM (
    SELECT * FROM in_stores
    UNION ALL
    SELECT * FROM in_catalogs
    UNION ALL
    SELECT * FROM on_the_web
) AS together
GROUP BY i_item_id
ORDER BY all_sales, i_item_id
LIMIT 100;
