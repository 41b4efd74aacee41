WITH managed AS (
    SELECT
        i_manager_id,
        SUM(ss_sales_price) AS sales,
        AVG(SUM(ss_sales_price)) OVER (PARTITION BY i_manager_id) AS mean_sales
    FROM item
    JOIN store_sales ON ss_item_sk = i_item_sk
    JOIN date_dim ON d_date_sk = ss_sold_date_sk
    JOIN store ON s_store_sk = ss_store_sk
    WHERE d_month_seq BETWEEN 1211 AND 1211 + 11
        AND (
            (i_category IN ('Books', 'Children') AND i_brand IN ('scholaramalgamalg #14', 'exportiunivamalg #9'))
            OR (i_category IN ('Women', 'Men') AND i_brand IN ('amalgimporto #1', 'edu packscholar #1'))
        )
    GROUP BY i_manager_id, d_moy
)
SELECT *
FROM managed
WHERE CASE WHEN mean_sales > 0 THEN ABS(sales - mean_sales) / mean_sales END > 0.1
ORDER BY i_manager_id, mean_sales, sales
LIMIT 100;
