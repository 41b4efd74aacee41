WITH web AS (
    SELECT
        d_year AS year,
        ws_item_sk AS item_key,
        ws_bill_customer_sk AS customer_key,
        SUM(ws_quantity) AS quantity,
        SUM(ws_wholesale_cost) AS cost,
        SUM(ws_sales_price) AS price
    FROM web_sales
    LEFT JOIN web_returns ON wr_order_number = ws_order_number AND wr_item_sk = ws_item_sk
    JOIN date_dim ON d_date_sk = ws_sold_date_sk
    WHERE wr_order_number IS NULL
    GROUP BY d_year, ws_item_sk, ws_bill_customer_sk
),
catalog AS (
    SELECT
        d_year AS year,
        cs_item_sk AS item_key,
        cs_bill_customer_sk AS customer_key,
        SUM(cs_quantity) AS quantity,
        SUM(cs_wholesale_cost) AS cost,
        SUM(cs_sales_price) AS price
    FROM catalog_sales
    LEFT JOIN catalog_returns ON cr_order_number = cs_order_number AND cr_item_sk = cs_item_sk
    JOIN date_dim ON d_date_sk = cs_sold_date_sk
    WHERE cr_order_number IS NULL
    GROUP BY d_year, cs_item_sk, cs_bill_customer_sk
),
shop AS (
    SELECT
        d_year AS year,
        ss_item_sk AS item_key,
        ss_customer_sk AS customer_key,
        SUM(ss_quantity) AS quantity,
        SUM(ss_wholesale_cost) AS cost,
        SUM(ss_sales_price) AS price
    FROM store_sales
    LEFT JOIN store_returns ON sr_ticket_number = ss_ticket_number AND sr_item_sk = ss_item_sk
    JOIN date_dim ON d_date_sk = ss_sold_date_sk
    WHERE sr_ticket_number IS NULL
    GROUP BY d_year, ss_item_sk, ss_customer_sk
)
SELECT
    shop.customer_key,
    ROUND(shop.quantity / (COALESCE(web.quantity, 0) + COALESCE(catalog.quantity, 0)), 2) AS ratio,
    shop.quantity AS store_quantity,
    shop.cost AS store_cost,
    shop.price AS store_price,
    COALESCE(web.quantity, 0) + COALESCE(catalog.quantity, 0) AS other_quantity,
    COALESCE(web.cost, 0) + COALESCE(catalog.cost, 0) AS other_cost,
    COALESCE(web.price, 0) + COALESCE(catalog.price, 0) AS other_price
FROM shop
LEFT JOIN web ON web.year = shop.year AND web.item_key = shop.item_key AND web.customer_key = shop.customer_key
LEFT JOIN catalog
    ON catalog.year = shop.year AND catalog.item_key = shop.item_key AND catalog.customer_key = shop.customer_key
WHERE (COALESCE(web.quantity, 0) > 0 OR COALESCE(catalog.quantity, 0) > 0) AND shop.year = 2001
ORDER BY shop.customer_key, store_quantity DESC, store_cost DESC, store_price DESC, other_quantity, other_cost, ratio
LIMIT 100;
