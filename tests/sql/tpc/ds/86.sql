SELECT
    SUM(ws_net_paid) AS paid,
    i_category,
    i_class,
    GROUPING(i_category) + GROUPING(i_class) AS level,
    RANK() OVER (
        PARTITION BY GROUPING(i_category) + GROUPING(i_class), CASE WHEN GROUPING(i_class) = 0 THEN i_category END
        ORDER BY SUM(ws_net_paid) DESC
    ) AS rank_within_parent
FROM web_sales
JOIN date_dim ON d_date_sk = ws_sold_date_sk
JOIN item ON i_item_sk = ws_item_sk
WHERE d_month_seq BETWEEN 1205 AND 1205 + 11
GROUP BY ROLLUP (i_category, i_class)
ORDER BY level DESC, CASE WHEN GROUPING(i_category) + GROUPING(i_class) = 0 THEN i_category END, rank_within_parent
LIMIT 100;
