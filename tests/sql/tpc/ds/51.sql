WITH web AS (
    SELECT
        ws_item_sk AS item_key,
        d_date,
        SUM(SUM(ws_sales_price)) OVER (
            PARTITION BY ws_item_sk ORDER BY d_date ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS so_far
    FROM web_sales
    JOIN date_dim ON d_date_sk = ws_sold_date_sk
    WHERE d_month_seq BETWEEN 1214 AND 1214 + 11 AND ws_item_sk IS NOT NULL
    GROUP BY ws_item_sk, d_date
),
shop AS (
    SELECT
        ss_item_sk AS item_key,
        d_date,
        SUM(SUM(ss_sales_price)) OVER (
            PARTITION BY ss_item_sk ORDER BY d_date ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS so_far
    FROM store_sales
    JOIN date_dim ON d_date_sk = ss_sold_date_sk
    WHERE d_month_seq BETWEEN 1214 AND 1214 + 11 AND ss_item_sk IS NOT NULL
    GROUP BY ss_item_sk, d_date
)
SELECT item_key, d_date, web_sales, store_sales, web_most, store_most
FROM (
    SELECT
        item_key,
        d_date,
        web_sales,
        store_sales,
        MAX(web_sales) OVER (
            PARTITION BY item_key ORDER BY d_date ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS web_most,
        MAX(store_sales) OVER (
            PARTITION BY item_key ORDER BY d_date ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS store_most
    FROM (
        SELECT
            COALESCE(web.item_key, shop.item_key) AS item_key,
            COALESCE(web.d_date, shop.d_date) AS d_date,
            web.so_far AS web_sales,
            shop.so_far AS store_sales
        FROM web
        FULL OUTER JOIN shop ON shop.item_key = web.item_key AND shop.d_date = web.d_date
    ) AS both_channels
) AS running
WHERE web_most > store_most
ORDER BY item_key, d_date
LIMIT 100;
