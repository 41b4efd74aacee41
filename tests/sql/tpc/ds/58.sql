WITH the_week AS (
    SELECT d_date
    FROM date_dim
    WHERE d_week_seq = (SELECT d_week_seq FROM date_dim WHERE d_date = DATE '1998-02-19')
),
in_stores AS (
    SELECT i_item_id AS item_id, SUM(ss_ext_sales_price) AS revenue
    FROM store_sales
    JOIN item ON i_item_sk = ss_item_sk
    JOIN date_dim ON d_date_sk = ss_sold_date_sk
    WHERE d_date IN (SELECT d_date FROM the_week)
    GROUP BY i_item_id
),
in_catalogs AS (
    SELECT i_item_id AS item_id, SUM(cs_ext_sales_price) AS revenue
    FROM catalog_sales
    JOIN item ON i_item_sk = cs_item_sk
    JOIN date_dim ON d_date_sk = cs_sold_date_sk
    WHERE d_date IN (SELECT d_date FROM the_week)
    GROUP BY i_item_id
),
on_the_web AS (
    SELECT i_item_id AS item_id, SUM(ws_ext_sales_price) AS revenue
    FROM web_sales
    JOIN item ON i_item_sk = ws_item_sk
    JOIN date_dim ON d_date_sk = ws_sold_date_sk
    WHERE d_date IN (SELECT d_date FROM the_week)
    GROUP BY i_item_id
)
SELECT
    in_stores.item_id,
    in_stores.revenue AS store_revenue,
    in_stores.revenue / ((in_stores.revenue + in_catalogs.revenue + on_the_web.revenue) / 3) * 100 AS store_share,
    in_catalogs.revenue AS catalog_revenue,
    in_catalogs.revenue / ((in_stores.revenue + in_catalogs.revenue + on_the_web.revenue) / 3) * 100 AS catalog_share,
    on_the_web.revenue AS web_revenue,
    on_the_web.revenue / ((in_stores.revenue + in_catalogs.revenue + on_the_web.revenue) / 3) * 100 AS web_share,
    (in_stores.revenue + in_catalogs.revenue + on_the_web.revenue) / 3 AS mean_revenue
FROM in_stores
JOIN in_catalogs ON in_catalogs.item_id = in_stores.item_id
JOIN on_the_web ON on_the_web.item_id = in_stores.item_id
WHERE in_stores.revenue BETWEEN 0.9 * in_catalogs.revenue AND 1.1 * in_catalogs.revenue
    AND in_stores.revenue BETWEEN 0.9 * on_the_web.revenue AND 1.1 * on_the_web.revenue
    AND in_catalogs.revenue BETWEEN 0.9 * on_the_web.revenue AND 1.1 * on_the_web.revenue
ORDER BY in_stores.item_id, store_revenue
LIMIT 100;
