SELECT *
FROM (
    SELECT
        i_category,
        i_class,
        i_brand,
        s_store_name,
        s_company_name,
        d_moy,
        SUM(ss_sales_price) AS sales,
        AVG(SUM(ss_sales_price)) OVER (PARTITION BY i_category, i_brand, s_store_name, s_company_name) AS mean_sales
    FROM item
    JOIN store_sales ON ss_item_sk = i_item_sk
    JOIN date_dim ON d_date_sk = ss_sold_date_sk
    JOIN store ON s_store_sk = ss_store_sk
    WHERE d_year IN (2001)
        AND (
            (i_category IN ('Books', 'Children', 'Electronics') AND i_class IN ('history', 'school-uniforms', 'audio'))
            OR (i_category IN ('Men', 'Sports', 'Shoes') AND i_class IN ('pants', 'tennis', 'womens'))
        )
    GROUP BY i_category, i_class, i_brand, s_store_name, s_company_name, d_moy
) AS monthly
WHERE CASE WHEN mean_sales <> 0 THEN ABS(sales - mean_sales) / mean_sales END > 0.1
ORDER BY sales - mean_sales, s_store_name
LIMIT 100;
