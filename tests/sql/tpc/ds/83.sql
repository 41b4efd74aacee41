WITH weeks AS (
    SELECT d_date
    FROM date_dim
    WHERE d_week_seq IN (
        SELECT d_week_seq FROM date_dim WHERE d_date IN (DATE '2000-06-17', DATE '2000-08-22', DATE '2000-11-17')
    )
),
shop AS (
    SELECT i_item_id AS item_id, SUM(sr_return_quantity) AS quantity
    FROM store_returns
    JOIN item ON i_item_sk = sr_item_sk
    JOIN date_dim ON d_date_sk = sr_returned_date_sk
    WHERE d_date IN (SELECT d_date FROM weeks)
    GROUP BY i_item_id
),
catalog AS (
    SELECT i_item_id AS item_id, SUM(cr_return_quantity) AS quantity
    FROM catalog_returns
    JOIN item ON i_item_sk = cr_item_sk
    JOIN date_dim ON d_date_sk = cr_returned_date_sk
    WHERE d_date IN (SELECT d_date FROM weeks)
    GROUP BY i_item_id
),
web AS (
    SELECT i_item_id AS item_id, SUM(wr_return_quantity) AS quantity
    FROM web_returns
    JOIN item ON i_item_sk = wr_item_sk
    JOIN date_dim ON d_date_sk = wr_returned_date_sk
    WHERE d_date IN (SELECT d_date FROM weeks)
    GROUP BY i_item_id
)
SELECT
    shop.item_id,
    shop.quantity AS store_quantity,
    shop.quantity / (shop.quantity + catalog.quantity + web.quantity) / 3.0 * 100 AS store_share,
    catalog.quantity AS catalog_quantity,
    catalog.quantity / (shop.quantity + catalog.quantity + web.quantity) / 3.0 * 100 AS catalog_share,
    web.quantity AS web_quantity,
    web.quantity / (shop.quantity + catalog.quantity + web.quantity) / 3.0 * 100 AS web_share,
    (shop.quantity + catalog.quantity + web.quantity) / 3.0 AS mean_quantity
FROM shop
JOIN catalog ON catalog.item_id = shop.item_id
JOIN web ON web.item_id = shop.item_id
ORDER BY shop.item_id, store_quantity
LIMIT 100;
