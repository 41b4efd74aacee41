SELECT i_brand_id AS brand_id, i_brand AS brand, t_hour, t_minute, SUM(price) AS price
FROM item
JOIN (
    SELECT ws_ext_sales_price AS price, ws_item_sk AS item_key, ws_sold_time_sk AS time_key
    FROM web_sales
    JOIN date_dim ON d_date_sk = ws_sold_date_sk
    WHERE d_moy = 12 AND d_year = 2000
    UNION ALL
    SELECT cs_ext_sales_price, cs_item_sk, cs_sold_time_sk
    FROM catalog_sales
    JOIN date_dim ON d_date_sk = cs_sold_date_sk
    WHERE d_moy = 12 AND d_year = 2000
    UNION ALL
    SELECT ss_ext_sales_price, ss_item_sk, ss_sold_time_sk
    FROM store_sales
    JOIN date_dim ON d_date_sk = ss_sold_date_sk
    WHERE d_moy = 12 AND d_year = 2000
) AS sold ON sold.item_key = i_item_sk
JOIN time_dim ON t_time_sk = sold.time_key
WHERE i_manager_id = 1 AND t_meal_time IN ('breakfast', 'dinner')
GROUP BY i_brand, i_brand_id, t_hour, t_minute
ORDER BY price DESC, brand_id;
