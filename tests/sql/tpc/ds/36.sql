SELECT
    SUM(ss_net_profit) / SUM(ss_ext_sales_price) AS margin,
    i_category,
    i_class,
    GROUPING(i_category) + GROUPING(i_class) AS level,
    RANK() OVER (
        PARTITION BY
            GROUPING(i_category) + GROUPING(i_class),
            CASE WHEN GROUPING(i_class) = 0 THEN i_category END
        ORDER BY SUM(ss_net_profit) / SUM(ss_ext_sales_price)
    ) AS rank_within_parent
FROM store_sales
JOIN date_dim ON d_date_sk = ss_sold_date_sk
JOIN item ON i_item_sk = ss_item_sk
JOIN store ON s_store_sk = ss_store_sk
WHERE d_year = 2000 AND s_state IN ('TN', 'SD', 'AL', 'MI', 'OH', 'GA', 'NE', 'LA')
GROUP BY ROLLUP (i_category, i_class)
ORDER BY level DESC, CASE WHEN GROUPING(i_category) + GROUPING(i_class) = 0 THEN i_category END, rank_within_parent
LIMIT 100;
