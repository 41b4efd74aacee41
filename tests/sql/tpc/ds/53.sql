SELECT i_manufact_id, sales, mean_sales
FROM (
    SELECT
        i_manufact_id,
        SUM(ss_sales_price) AS sales,
        AVG(SUM(ss_sales_price)) OVER (PARTITION BY i_manufact_id) AS mean_sales
    FROM item
    JOIN store_sales ON ss_item_sk = i_item_sk
    JOIN date_dim ON d_date_sk = ss_sold_date_sk
    JOIN store ON s_store_sk = ss_store_sk
    WHERE d_month_seq IN (1212, 1213, 1214, 1215, 1216, 1217, 1218, 1219, 1220, 1221, 1222, 1223)
        AND (
            (
                i_category IN ('Books', 'Children', 'Electronics')
                AND i_class IN ('personal', 'portable', 'reference', 'self-help')
            )
            OR (i_category IN ('Women', 'Music', 'Men') AND i_class IN ('accessories', 'classical', 'fragrances', 'pants'))
        )
    GROUP BY i_manufact_id, d_qoy
) AS quarterly
WHERE CASE WHEN mean_sales > 0 THEN ABS(sales - mean_sales) / mean_sales END > 0.1
ORDER BY mean_sales, sales, i_manufact_id
LIMIT 100;
