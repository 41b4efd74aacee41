WITH kept AS (
    SELECT d_year, i_brand_id, i_class_id, i_category_id, i_manufact_id, SUM(quantity) AS quantity, SUM(amount) AS amount
    FROM (
        SELECT
            d_year,
            i_brand_id,
            i_class_id,
            i_category_id,
            i_manufact_id,
            cs_quantity - COALESCE(cr_return_quantity, 0) AS quantity,
            cs_ext_sales_price - COALESCE(cr_return_amount, 0.0) AS amount
        FROM catalog_sales
        JOIN item ON i_item_sk = cs_item_sk
        JOIN date_dim ON d_date_sk = cs_sold_date_sk
        LEFT JOIN catalog_returns ON cr_order_number = cs_order_number AND cr_item_sk = cs_item_sk
        WHERE i_category = 'Sports'
        UNION
        SELECT
            d_year,
            i_brand_id,
            i_class_id,
            i_category_id,
            i_manufact_id,
            ss_quantity - COALESCE(sr_return_quantity, 0),
            ss_ext_sales_price - COALESCE(sr_return_amt, 0.0)
        FROM store_sales
        JOIN item ON i_item_sk = ss_item_sk
        JOIN date_dim ON d_date_sk = ss_sold_date_sk
        LEFT JOIN store_returns ON sr_ticket_number = ss_ticket_number AND sr_item_sk = ss_item_sk
        WHERE i_category = 'Sports'
        UNION
        SELECT
            d_year,
            i_brand_id,
            i_class_id,
            i_category_id,
            i_manufact_id,
            ws_quantity - COALESCE(wr_return_quantity, 0),
            ws_ext_sales_price - COALESCE(wr_return_amt, 0.0)
        FROM web_sales
        JOIN item ON i_item_sk = ws_item_sk
        JOIN date_dim ON d_date_sk = ws_sold_date_sk
        LEFT JOIN web_returns ON wr_order_number = ws_order_number AND wr_item_sk = ws_item_sk
        WHERE i_category = 'Sports'
    ) AS details
    GROUP BY d_year, i_brand_id, i_class_id, i_category_id, i_manufact_id
)
SELECT
    before.d_year AS previous_year,
    now.d_year AS year,
    now.i_brand_id,
    now.i_class_id,
    now.i_category_id,
    now.i_manufact_id,
    before.quantity AS previous_quantity,
    now.quantity AS quantity,
    now.quantity - before.quantity AS quantity_change,
    now.amount - before.amount AS amount_change
FROM kept AS now
JOIN kept AS before
    ON before.i_brand_id = now.i_brand_id
    AND before.i_class_id = now.i_class_id
    AND before.i_category_id = now.i_category_id
    AND before.i_manufact_id = now.i_manufact_id
WHERE now.d_year = 2002
    AND before.d_year = 2002 - 1
    AND CAST(now.quantity AS DECIMAL(17, 2)) / CAST(before.quantity AS DECIMAL(17, 2)) < 0.9
ORDER BY quantity_change, amount_change
LIMIT 100;
