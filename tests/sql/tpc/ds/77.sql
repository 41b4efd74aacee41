WITH store_sold AS (
    SELECT s_store_sk, SUM(ss_ext_sales_price) AS sales, SUM(ss_net_profit) AS profit
    FROM store_sales
    JOIN date_dim ON d_date_sk = ss_sold_date_sk
    JOIN store ON s_store_sk = ss_store_sk
    WHERE d_date BETWEEN DATE '2001-08-11' AND DATE '2001-08-11' + INTERVAL '30' DAY
    GROUP BY s_store_sk
),
store_returned AS (
    SELECT s_store_sk, SUM(sr_return_amt) AS returned, SUM(sr_net_loss) AS loss
    FROM store_returns
    JOIN date_dim ON d_date_sk = sr_returned_date_sk
    JOIN store ON s_store_sk = sr_store_sk
    WHERE d_date BETWEEN DATE '2001-08-11' AND DATE '2001-08-11' + INTERVAL '30' DAY
    GROUP BY s_store_sk
),
catalog_sold AS (
    SELECT cs_call_center_sk, SUM(cs_ext_sales_price) AS sales, SUM(cs_net_profit) AS profit
    FROM catalog_sales
    JOIN date_dim ON d_date_sk = cs_sold_date_sk
    WHERE d_date BETWEEN DATE '2001-08-11' AND DATE '2001-08-11' + INTERVAL '30' DAY
    GROUP BY cs_call_center_sk
),
catalog_returned AS (
    SELECT cr_call_center_sk, SUM(cr_return_amount) AS returned, SUM(cr_net_loss) AS loss
    FROM catalog_returns
    JOIN date_dim ON d_date_sk = cr_returned_date_sk
    WHERE d_date BETWEEN DATE '2001-08-11' AND DATE '2001-08-11' + INTERVAL '30' DAY
    GROUP BY cr_call_center_sk
),
web_sold AS (
    SELECT wp_web_page_sk, SUM(ws_ext_sales_price) AS sales, SUM(ws_net_profit) AS profit
    FROM web_sales
    JOIN date_dim ON d_date_sk = ws_sold_date_sk
    JOIN web_page ON wp_web_page_sk = ws_web_page_sk
    WHERE d_date BETWEEN DATE '2001-08-11' AND DATE '2001-08-11' + INTERVAL '30' DAY
    GROUP BY wp_web_page_sk
),
web_returned AS (
    SELECT wp_web_page_sk, SUM(wr_return_amt) AS returned, SUM(wr_net_loss) AS loss
    FROM web_returns
    JOIN date_dim ON d_date_sk = wr_returned_date_sk
    JOIN web_page ON wp_web_page_sk = wr_web_page_sk
    WHERE d_date BETWEEN DATE '2001-08-11' AND DATE '2001-08-11' + INTERVAL '30' DAY
    GROUP BY wp_web_page_sk
)
SELECT channel, id, SUM(sales) AS sales, SUM(returned) AS returned, SUM(profit) AS profit
FROM (
    SELECT
        'store channel' AS channel,
        store_sold.s_store_sk AS id,
        sales,
        COALESCE(returned, 0) AS returned,
        profit - COALESCE(loss, 0) AS profit
    FROM store_sold
    LEFT JOIN store_returned ON store_returned.s_store_sk = store_sold.s_store_sk
    UNION ALL
    SELECT 'catalog channel', cs_call_center_sk, sales, returned, profit - loss
    FROM catalog_sold
    CROSS JOIN catalog_returned
    UNION ALL
    SELECT 'web channel', web_sold.wp_web_page_sk, sales, COALESCE(returned, 0), profit - COALESCE(loss, 0)
    FROM web_sold
    LEFT JOIN web_returned ON web_returned.wp_web_page_sk = web_sold.wp_web_page_sk
) AS channels
GROUP BY ROLLUP (channel, id)
ORDER BY channel, id
LIMIT 100;
