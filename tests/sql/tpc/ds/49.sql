SELECT channel, item, return_ratio, return_rank, currency_rank
FROM (
    SELECT 'web' AS channel, item, return_ratio, return_rank, currency_rank
    FROM (
        SELECT
            item,
            return_ratio,
            RANK() OVER (ORDER BY return_ratio) AS return_rank,
            RANK() OVER (ORDER BY currency_ratio) AS currency_rank
        FROM (
            SELECT
                ws.ws_item_sk AS item,
                CAST(SUM(COALESCE(wr.wr_return_quantity, 0)) AS DECIMAL(15, 4))
                    / CAST(SUM(COALESCE(ws.ws_quantity, 0)) AS DECIMAL(15, 4)) AS return_ratio,
                CAST(SUM(COALESCE(wr.wr_return_amt, 0)) AS DECIMAL(15, 4))
                    / CAST(SUM(COALESCE(ws.ws_net_paid, 0)) AS DECIMAL(15, 4)) AS currency_ratio
            FROM web_sales AS ws
            LEFT JOIN web_returns AS wr ON wr.wr_order_number = ws.ws_order_number AND wr.wr_item_sk = ws.ws_item_sk
            JOIN date_dim ON d_date_sk = ws.ws_sold_date_sk
            WHERE wr.wr_return_amt > 10000 AND ws.ws_net_profit > 1 AND ws.ws_quantity > 0 AND d_year = 2000 AND d_moy = 12
            GROUP BY ws.ws_item_sk
        ) AS web_ratios
    ) AS web_ranks
    WHERE return_rank <= 10 OR currency_rank <= 10
    UNION
    SELECT 'catalog', item, return_ratio, return_rank, currency_rank
    FROM (
        SELECT
            item,
            return_ratio,
            RANK() OVER (ORDER BY return_ratio) AS return_rank,
            RANK() OVER (ORDER BY currency_ratio) AS currency_rank
        FROM (
            SELECT
                cs.cs_item_sk AS item,
                CAST(SUM(COALESCE(cr.cr_return_quantity, 0)) AS DECIMAL(15, 4))
                    / CAST(SUM(COALESCE(cs.cs_quantity, 0)) AS DECIMAL(15, 4)) AS return_ratio,
                CAST(SUM(COALESCE(cr.cr_return_amount, 0)) AS DECIMAL(15, 4))
                    / CAST(SUM(COALESCE(cs.cs_net_paid, 0)) AS DECIMAL(15, 4)) AS currency_ratio
            FROM catalog_sales AS cs
            LEFT JOIN catalog_returns AS cr ON cr.cr_order_number = cs.cs_order_number AND cr.cr_item_sk = cs.cs_item_sk
            JOIN date_dim ON d_date_sk = cs.cs_sold_date_sk
            WHERE cr.cr_return_amount > 10000 AND cs.cs_net_profit > 1 AND cs.cs_quantity > 0 AND d_year = 2000 AND d_moy = 12
            GROUP BY cs.cs_item_sk
        ) AS catalog_ratios
    ) AS catalog_ranks
    WHERE return_rank <= 10 OR currency_rank <= 10
    UNION
    SELECT 'store', item, return_ratio, return_rank, currency_rank
    FROM (
        SELECT
            item,
            return_ratio,
            RANK() OVER (ORDER BY return_ratio) AS return_rank,
            RANK() OVER (ORDER BY currency_ratio) AS currency_rank
        FROM (
            SELECT
                sts.ss_item_sk AS item,
                CAST(SUM(COALESCE(sr.sr_return_quantity, 0)) AS DECIMAL(15, 4))
                    / CAST(SUM(COALESCE(sts.ss_quantity, 0)) AS DECIMAL(15, 4)) AS return_ratio,
                CAST(SUM(COALESCE(sr.sr_return_amt, 0)) AS DECIMAL(15, 4))
                    / CAST(SUM(COALESCE(sts.ss_net_paid, 0)) AS DECIMAL(15, 4)) AS currency_ratio
            FROM store_sales AS sts
            LEFT JOIN store_returns AS sr
                ON sr.sr_ticket_number = sts.ss_ticket_number AND sr.sr_item_sk = sts.ss_item_sk
            JOIN date_dim ON d_date_sk = sts.ss_sold_date_sk
            WHERE sr.sr_return_amt > 10000 AND sts.ss_net_profit > 1 AND sts.ss_quantity > 0 AND d_year = 2000 AND d_moy = 12
            GROUP BY sts.ss_item_sk
        ) AS store_ratios
    ) AS store_ranks
    WHERE return_rank <= 10 OR currency_rank <= 10
) AS every_channel
ORDER BY channel, return_rank, currency_rank, item
LIMIT 100;
